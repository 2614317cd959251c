// Knows: the command `volumes`.
import type { VolumeReport } from "../jobs/report.ts";
import { formatSize } from "../kernel/figures.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { table } from "./table.ts";
import { visible } from "./wording.ts";

/** Adds `volumes`: which are there. */
export function addVolumes(tree: CommandNode, act: Act): void {
  tree
    .command("volumes")
    .summary("see which volumes are there")
    .description("Lists the configured volumes: which are there, and why others are not.")
    .withLocations()
    .withExamples(["holdfast volumes", "see which volumes are there"])
    .action(async () => act(listVolumes));
}

async function listVolumes({ open, output, signal }: Session): Promise<number> {
  const { volumeReports } = await import("../jobs/volumes.ts");
  await using program = await open({ readOnly: true });

  const volumes = await volumeReports(program, signal);

  output.document({ volumes });
  output.text(volumesText(volumes, output.paint));
  if (volumes.length === 0) output.message("no volumes are configured");
  return 0;
}

/** Volumes as a table, with hints below those that are away. */
export function volumesText(volumes: readonly VolumeReport[], paint: Paint): string {
  if (volumes.length === 0) return "";
  const rows = volumes.map(({ volume, host, path = "", present, reason, freeBytes }) => [
    volume,
    present ? paint.green("there") : paint.yellow("away"),
    freeBytes === undefined ? "" : formatSize(freeBytes),
    visible(host === undefined ? path : `${host}:${path}`),
    visible(reason ?? ""),
  ]);
  const hints = volumes.flatMap(({ volume, hint }) =>
    hint === undefined ? [] : [`${paint.green("hint:")} ${volume}: ${visible(hint)}\n`],
  );
  const columns = [
    { heading: "VOLUME" },
    { heading: "STATE" },
    { heading: "FREE", align: "right" },
    { heading: "PATH" },
    { heading: "REASON" },
  ] as const;
  return `${table(columns, rows, paint)}${hints.join("")}`;
}
