// Knows: the command `snapshots`.
import type { TimelineEntry, TimelineGap } from "../jobs/report.ts";
import { formatSize } from "../kernel/figures.ts";
import { type CommandNode, jobsArgument } from "./command-node.ts";
import { combinedExitStatus } from "./exit-status.ts";
import type { Paint } from "./paint.ts";
import { shortId } from "./run-text.ts";
import type { Act, Session } from "./session.ts";
import { table } from "./table.ts";
import { tellVolumes } from "./tell-volumes.ts";
import { visible } from "./wording.ts";
import { localTime } from "../kernel/figures.ts";

interface SnapshotsOptions {
  readonly find?: string;
}

/** Adds `snapshots`: one timeline over all repositories. */
export function addSnapshots(tree: CommandNode, act: Act): void {
  tree
    .command("snapshots")
    .summary("list what can be restored")
    .description(
      "Lists the snapshots of all repositories of each job as one timeline, newest first, with the rule that keeps each. Times are local; with --json they are UTC.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("--find <path>", "only snapshots that hold this path (with * as in the engine's tool)")
    .withLocations()
    .withExamples(
      ["holdfast snapshots documents", "list the snapshots of one job"],
      ["holdfast snapshots --find '*/taxes.ods'", "list those that hold a file"],
      ["holdfast snapshots --json | jq '.snapshots[0].id'", "get the newest snapshot's id"],
    )
    .action(async (jobs: readonly string[], options: SnapshotsOptions) =>
      act(async (session) => await listSnapshots(session, jobs, options)),
    );
}

async function listSnapshots(
  session: Session,
  given: readonly string[],
  { find }: SnapshotsOptions,
): Promise<number> {
  const { timeline } = await import("../jobs/timeline.ts");
  const { chosenJobs } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: "attaching" });
  const jobs = chosenJobs(program.config, given);

  const query = { jobs, ...(find === undefined ? {} : { find }) };
  const { entries, gaps } = await timeline(program, query, { signal, tell: tellVolumes(output) });

  output.document({ snapshots: entries, gaps });
  output.text(snapshotsText(entries, output.paint));
  if (entries.length === 0 && gaps.length === 0) {
    output.message(find === undefined ? "there are no snapshots yet" : "no snapshot holds that");
  }
  for (const gap of gaps) output.problem(gapText(gap, output.messagePaint));
  return combinedExitStatus(gaps, { strict: false });
}

/** Snapshots as a table, and below each the paths that were looked for. */
export function snapshotsText(entries: readonly TimelineEntry[], paint: Paint): string {
  if (entries.length === 0) return "";
  const [headings = "", ...rows] = table(
    [
      { heading: "TIME" },
      { heading: "ID" },
      { heading: "JOB" },
      { heading: "REPOSITORY" },
      { heading: "KIND" },
      { heading: "BASE" },
      { heading: "SIZE", align: "right" },
      { heading: "FILES", align: "right" },
      { heading: "LABELS" },
      { heading: "KEPT BY" },
    ],
    entries.map((entry) => cells(entry, paint)),
    paint,
  )
    .trimEnd()
    .split("\n");
  const lines = rows.flatMap((row, index) => [
    row,
    ...(entries[index]?.found ?? []).map((path) => `    ${visible(path)}`),
  ]);
  return [headings, ...lines].map((line) => `${line}\n`).join("");
}

function cells(entry: TimelineEntry, paint: Paint): readonly string[] {
  const { base, bytes, files, labels, keep, kind } = entry;
  return [
    localTime(entry.time),
    shortId(entry.id),
    entry.job,
    entry.repository,
    kind === "snapshot" ? "" : kind,
    base === undefined ? "" : shortId(base),
    bytes === undefined ? "" : formatSize(bytes),
    files === undefined ? "" : String(files),
    visible(labels.join(", ")),
    keep.length > 0 ? visible(keep.join(", ")) : paint.dim("nothing: the next forget drops it"),
  ];
}

/** A repository that could not be listed, as text for standard error. */
export function gapText({ repository, message, hint, away }: TimelineGap, paint: Paint): string {
  const head = away ? paint.yellow("away:") : paint.red("error:");
  const why = hint === undefined ? "" : `\n${paint.green("hint:")} ${visible(hint)}`;
  return `${head} ${repository}: ${visible(message)}${why}`;
}
