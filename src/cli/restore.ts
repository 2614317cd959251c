// Knows: the command `restore`.
import type { RestoreReport } from "../jobs/report.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import { shortId } from "./run-text.ts";
import type { Act, Session } from "./session.ts";
import { tellVolumes } from "./tell-volumes.ts";
import { count, formatSeconds, visible } from "./wording.ts";
import { localTime } from "../kernel/figures.ts";

interface RestoreOptions {
  readonly target: string;
  readonly from?: string;
  readonly dryRun?: boolean;
}

interface RestoreWish extends RestoreOptions {
  readonly what: string;
  readonly paths: readonly string[];
}

/** Adds `restore`: brings back files into a new directory. */
export function addRestore(tree: CommandNode, act: Act): void {
  tree
    .command("restore")
    .summary("bring files back into a new directory")
    .description(
      "Restores a snapshot of a job, or only some paths of it, into a directory that must be new or empty. Never writes anywhere else.",
    )
    .argument("<job[@snapshot]>", "a job, and @ID, @latest (default) or @DATE such as @2026-11-20")
    .argument("[path...]", "only these files and folders of the snapshot")
    .requiredOption("-t, --target <directory>", "where to restore to; must be new or empty")
    .option("--from <repository>", "which repository of the job to read (default: the first there)")
    .option("-n, --dry-run", "say what would be done, and change nothing")
    .withLocations()
    .withExamples(
      ["holdfast restore documents --target /tmp/restored", "restore the newest snapshot"],
      ["holdfast restore documents@2026-11-20 -t /tmp/r", "restore the state at the end of a day"],
      [
        "holdfast restore documents@4bba301e -t /tmp/r /home/ann/taxes",
        "restore one folder of one snapshot",
      ],
    )
    .action(async (what: string, paths: readonly string[], options: RestoreOptions) =>
      act(async (session) => await restore(session, { ...options, what, paths })),
    );
}

async function restore(session: Session, wish: RestoreWish): Promise<number> {
  const { restoreJob } = await import("../jobs/restore.ts");
  const { chosenJobs, chosen } = await import("./names.ts");
  const { stepProgress } = await import("./step-progress.ts");
  const { output, signal } = session;
  const dryRun = wish.dryRun ?? false;
  await using program = await session.open({ readOnly: dryRun || "attaching" });
  const { job, snapshot } = parseWhat(wish.what);
  chosenJobs(program.config, [job]);
  if (wish.from !== undefined) {
    chosen("repository", [wish.from], program.config.repositories.keys());
  }

  using shown = stepProgress(output, { job, step: "restore", now: program.now });
  const { progress } = shown;
  const report = await restoreJob(
    program,
    {
      job,
      snapshot,
      target: wish.target,
      include: wish.paths,
      ...(wish.from === undefined ? {} : { from: wish.from }),
      dryRun,
    },
    { signal, progress, tell: tellVolumes(output) },
  );

  for (const { repository, reason } of report.passedOver ?? []) {
    output.warning(`${repository} was passed over: ${reason}`);
  }
  output.document({ ...report, dryRun });
  output.text(restoreText(report, { dryRun, paint: output.paint }));
  const warning = 3;
  return report.problems.length > 0 ? warning : 0;
}

/** Splits `JOB@SNAPSHOT`. Without a snapshot it is "latest". Throws `usage-invalid`. */
export function parseWhat(what: string): { readonly job: string; readonly snapshot: string } {
  // No name of a job holds an @.
  const at = what.indexOf("@");
  if (at === -1) return { job: what, snapshot: "latest" };
  const job = what.slice(0, at);
  const snapshot = what.slice(at + 1);
  if (snapshot === "") {
    throw new HoldfastError("usage-invalid", `"${what}" names no snapshot after the @`, {
      hint: `write ${job}@latest, ${job}@DATE or an id from: holdfast snapshots ${job}`,
    });
  }
  return { job, snapshot };
}

/** What was restored, and what to do next. */
export function restoreText(
  report: RestoreReport,
  { dryRun, paint }: { readonly dryRun: boolean; readonly paint: Paint },
): string {
  const from = report.snapshots
    .map(({ id, time }) => `${shortId(id)} of ${localTime(time)}`)
    .join(", ");
  const source = `snapshot ${from} in ${report.repository}`;
  const target = visible(report.target);
  if (dryRun) {
    const commands = report.commands.map((command) => paint.dim(`  $ ${visible(command)}`));
    return [`${report.job}: would restore ${source} to ${target}`, ...commands, ""].join("\n");
  }
  const bad = report.problems.length > 0;
  const headline = `${report.job}: restored ${bad ? "with problems" : "to"} ${bad ? `to ${target}` : target}`;
  return [
    `${bad ? paint.yellow(headline) : paint.green(headline)} (${figures(report)})`,
    `  from ${source}`,
    ...report.problems.map((problem) => `  ${paint.yellow("not restored:")} ${visible(problem)}`),
    `  ${paint.green("next:")} compare what is there with what you miss, then move it into place yourself`,
    "",
  ].join("\n");
}

function figures({ files, bytes, seconds }: RestoreReport): string {
  return [
    ...(files === undefined ? [] : [count(files, "file")]),
    ...(bytes === undefined ? [] : [formatSize(bytes)]),
    formatSeconds(seconds),
  ].join(", ");
}
