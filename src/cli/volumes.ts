// Knows: the command `volumes` and what belongs to it.
import type { AttachReport, DetachReport } from "../jobs/kept-volumes.ts";
import type { VolumeReport } from "../jobs/report.ts";
import { formatSize } from "../kernel/figures.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { table } from "./table.ts";
import { visible } from "./wording.ts";

/** Adds `volumes`: which are there, and what attaches and detaches them by hand. */
export function addVolumes(tree: CommandNode, act: Act): void {
  const volumes = tree
    .command("volumes")
    .summary("see which volumes are there")
    .description("Lists the configured volumes: which are there, and why others are not.")
    .withLocations()
    .withExamples(
      ["holdfast volumes", "see which volumes are there"],
      ["holdfast volumes attach usb", "unlock and mount one by hand"],
    )
    .action(async () => act(listVolumes));
  addAttaching(volumes, act);
  volumes
    .command("polkit-rule")
    .summary("print what lets a user unlock and mount")
    .description(
      "Prints a rule of polkit that lets a user unlock, mount, unmount and lock drives with udisks without being asked for a password. Changes nothing.",
    )
    .option("--user <name>", "the user whom it is for (default: who asks)")
    .withExamples([
      "holdfast volumes polkit-rule | sudo tee /etc/polkit-1/rules.d/50-holdfast.rules",
      "allow it to yourself",
    ])
    .action(async ({ user }: { readonly user?: string }) =>
      act(async (session) => await printPolkitRule(session, user)),
    );
}

function addAttaching(volumes: CommandNode, act: Act): void {
  volumes
    .command("attach")
    .summary("unlock and mount volumes, and leave them so")
    .description(
      "Unlocks and mounts volumes that are plugged in. They stay so until `holdfast volumes detach`, or until the machine starts again; runs use them and leave them attached.",
    )
    .argument("<volume...>", "names of volumes")
    .withExamples(["holdfast volumes attach usb", "unlock and mount one"])
    .action(async (names: readonly string[]) =>
      act(async (session) => await attach(session, names)),
    );
  volumes
    .command("detach")
    .summary("unmount and lock what holdfast attached")
    .description(
      "Unmounts and locks volumes again, as far as Holdfast mounted and unlocked them. What a run still uses is put back when that ends.",
    )
    .argument("<volume...>", "names of volumes")
    .withExamples(["holdfast volumes detach usb", "unmount and lock one"])
    .action(async (names: readonly string[]) =>
      act(async (session) => await detach(session, names)),
    );
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
  const rows = volumes.map((volume) => {
    const { host, freeBytes } = volume;
    const path = volume.path ?? volume.device ?? "";
    return [
      volume.volume,
      stateText(volume, paint),
      freeBytes === undefined ? "" : formatSize(freeBytes),
      visible(host === undefined ? path : `${host}:${path}`),
      visible(volume.reason ?? ""),
    ];
  });
  const hints = volumes.flatMap(({ volume, hint, kept }) => [
    ...(hint === undefined ? [] : [`${paint.green("hint:")} ${volume}: ${visible(hint)}\n`]),
    ...(kept === true
      ? [`${volume} stays attached until: holdfast volumes detach ${volume}\n`]
      : []),
  ]);
  const columns = [
    { heading: "VOLUME" },
    { heading: "STATE" },
    { heading: "FREE", align: "right" },
    { heading: "PATH" },
    { heading: "REASON" },
  ] as const;
  return `${table(columns, rows, paint)}${hints.join("")}`;
}

function stateText({ present, mounted }: VolumeReport, paint: Paint): string {
  if (!present) return paint.yellow("away");
  return paint.green(mounted ? "there" : "plugged in");
}

async function attach(session: Session, given: readonly string[]): Promise<number> {
  const { attachAndKeep } = await import("../jobs/kept-volumes.ts");
  const { chosen } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: false });
  const names = chosen("volume", given, program.config.volumes.keys());

  const attached = await attachAndKeep(program, names, signal);

  output.document({ attached });
  output.text(attachedText(attached));
  return 0;
}

/** One line for each volume: where it is, and how long it stays. */
function attachedText(reports: readonly AttachReport[]): string {
  return reports
    .map(({ volume, path, did, kept }) => {
      const where = `${volume}: ${did.length === 0 ? "is" : did.join(" and ")} at ${visible(path)}`;
      if (!kept) return `${where}; somebody else mounted it\n`;
      return `${where}; it stays so until: holdfast volumes detach ${volume}\n`;
    })
    .join("");
}

async function detach(session: Session, given: readonly string[]): Promise<number> {
  const { detachKept } = await import("../jobs/kept-volumes.ts");
  const { chosen } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: false });
  const names = chosen("volume", given, program.config.volumes.keys());

  const detached = await detachKept(program, names, signal);

  output.document({ detached });
  output.text(detachedText(detached));
  return 0;
}

/** One line for each volume: that it may be unplugged, or why not yet. */
function detachedText(reports: readonly DetachReport[]): string {
  return reports
    .map(({ volume, undone, usedBy }) => {
      if (usedBy.length > 0) {
        return `${volume}: is in use by ${usedBy.join(" and ")}, which puts it back when it ends\n`;
      }
      if (undone.length > 0) return `${volume}: may be unplugged\n`;
      return `${volume}: nothing of it was attached by holdfast\n`;
    })
    .join("");
}

async function printPolkitRule({ output }: Session, given: string | undefined): Promise<number> {
  const { userInfo } = await import("node:os");
  const { polkitRule } = await import("../volumes/polkit-rule.ts");
  const user = given ?? userInfo().username;
  const rule = polkitRule(user);
  output.document({ user, rule });
  output.text(rule);
  return 0;
}
