// Knows: the command `restore`.
import { resolve } from "node:path";
import { Option } from "commander";
import type { PutBackReport, RestoreReport } from "../jobs/report.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import { settingsChoices, type SettingsChoice } from "../sources/reinstatement.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { OpenProgram } from "./program.ts";
import { shortId } from "./run-text.ts";
import type { Act, Session } from "./session.ts";
import { tellVolumes } from "./tell-volumes.ts";
import { count, formatSeconds, visible } from "./wording.ts";
import { localTime } from "../kernel/figures.ts";

interface RestoreOptions {
  readonly target?: string;
  readonly inPlace?: boolean;
  readonly database?: string;
  readonly source?: string;
  readonly settings?: SettingsChoice;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly from?: string;
  readonly dryRun?: boolean;
}

interface RestoreWish extends RestoreOptions {
  readonly target: string;
  readonly what: string;
  readonly paths: readonly string[];
}

/** Adds `restore`: brings back files into a new directory. */
export function addRestore(tree: CommandNode, act: Act): void {
  tree
    .command("restore")
    .summary("bring back files, or a whole application")
    .description(
      "Restores a snapshot of a job, or only some paths of it, into a directory that must be new or empty. Never writes anywhere else, but with --in-place: then a whole subvolume, database or Nextcloud is put back, and what was there is kept beside it. For a database or Nextcloud all that will be done is shown first, and has to be confirmed.",
    )
    .argument("<job[@snapshot]>", "a job, and @ID, @latest (default) or @DATE such as @2026-11-20")
    .argument("[path...]", "only these files and folders of the snapshot")
    .option("-t, --target <directory>", "where to restore to; must be new or empty")
    .option(
      "--in-place",
      "put a whole subvolume or application in the place of the job's source, and keep what was there beside it",
    )
    .option(
      "--database <name>",
      "with --target, to practise: fill a new database of this name from the dump as well",
    )
    .option("--source <source>", "which of several applications of the job, as it is configured")
    .addOption(
      new Option(
        "--settings <which>",
        "with --in-place, whose settings a Nextcloud has afterwards: merged are those of the backup, with the way to its database and files as it is now",
      )
        .choices(settingsChoices)
        .default("merged"),
    )
    .option("--force", "go on where the snapshot does not seem to fit")
    .option("-y, --yes", "do not ask before an application is put back")
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
      ["holdfast restore home@2026-11-20 --in-place", "put a btrfs subvolume back as it was"],
      ["holdfast restore cloud --in-place --dry-run", "say how a Nextcloud would be put back"],
      ["holdfast restore cloud --in-place", "put it back, after a question"],
      [
        "holdfast restore cloud --target /srv/drill --database drill",
        "practise: into a new directory and a new database",
      ],
    )
    .action(async (what: string, paths: readonly string[], options: RestoreOptions) =>
      act(async (session) => await restoreAsWished(session, { ...options, what, paths })),
    );
}

async function restoreAsWished(
  session: Session,
  wish: RestoreOptions & { readonly what: string; readonly paths: readonly string[] },
): Promise<number> {
  const { target, inPlace = false, database, paths } = wish;
  if (inPlace === (target !== undefined)) {
    throw new HoldfastError("usage-invalid", "say where to restore to: --target or --in-place", {
      hint: "a target must be new or empty; --in-place is for applications and btrfs subvolumes",
    });
  }
  if (inPlace && database !== undefined) {
    throw new HoldfastError("usage-invalid", "--database is for practising, and needs --target", {
      hint: "say --target DIRECTORY --database NAME, or --in-place alone",
    });
  }
  const isWhole = inPlace || database !== undefined;
  if (isWhole && paths.length > 0) {
    throw new HoldfastError("usage-invalid", "only the whole can be put back, not paths of it", {
      hint: "restore paths with: --target DIRECTORY",
    });
  }
  if (isWhole) return await putBackWhole(session, wish);
  return await restore(session, { ...wish, target: target ?? "" });
}

async function putBackWhole(
  session: Session,
  wish: RestoreOptions & { readonly what: string },
): Promise<number> {
  const { applicationsOf } = await import("../jobs/put-back-choice.ts");
  const { chosenJobs, chosen } = await import("./names.ts");
  const { target, database, from, source, dryRun = false } = wish;
  await using program = await session.open({ readOnly: dryRun });
  const { job, snapshot } = parseWhat(wish.what);
  chosenJobs(program.config, [job]);
  if (from !== undefined) chosen("repository", [from], program.config.repositories.keys());
  if (applicationsOf(program, job).length === 0) {
    if (database === undefined) return await putBack(session, program, wish);
    throw new HoldfastError("usage-invalid", `job "${job}" backs up no database`, {
      hint: "restore its files with: --target DIRECTORY",
    });
  }
  const { reinstateAsWished } = await import("./restore-application.ts");
  return await reinstateAsWished(session, program, {
    job,
    snapshot,
    ...(from === undefined ? {} : { from }),
    ...(source === undefined ? {} : { source }),
    ...(target === undefined ? {} : { target: resolve(target) }),
    ...(database === undefined ? {} : { database }),
    settings: wish.settings ?? "merged",
    force: wish.force ?? false,
    yes: wish.yes ?? false,
    dryRun,
  });
}

async function putBack(
  { output, signal }: Session,
  program: OpenProgram,
  wish: RestoreOptions & { readonly what: string },
): Promise<number> {
  const { putBackJob } = await import("../jobs/put-back.ts");
  const { from, dryRun = false } = wish;
  const { job, snapshot } = parseWhat(wish.what);
  const report = await putBackJob(
    program,
    { job, snapshot, dryRun, ...(from === undefined ? {} : { from }) },
    { signal, progress() {}, tell: tellVolumes(output) },
  );
  output.document({ ...report, dryRun });
  output.text(putBackText(report, { dryRun, paint: output.paint }));
  return 0;
}

/** What was put back, and where that is now which was there. */
function putBackText(
  report: PutBackReport,
  { dryRun, paint }: { readonly dryRun: boolean; readonly paint: Paint },
): string {
  const { job, place, aside, snapshots, repository, seconds } = report;
  const which = snapshots.map(({ id, time }) => `${shortId(id)} of ${localTime(time)}`).join(", ");
  const source = `snapshot ${which} in ${repository}`;
  if (dryRun) return `${job}: would put ${source} in the place of ${visible(place)}\n`;
  const kept =
    aside === undefined
      ? []
      : [
          `  what was there is now ${visible(aside)}`,
          `  ${paint.green("next:")} look at it, then: btrfs subvolume delete ${visible(aside)}`,
        ];
  const headline = paint.green(`${job}: put back ${visible(place)}`);
  return [`${headline} (${formatSeconds(seconds)})`, `  from ${source}`, ...kept, ""].join("\n");
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
