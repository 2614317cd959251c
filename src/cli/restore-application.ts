// Knows: how the command `restore` puts an application back, and asks before. Must not know: how that is done.
import type { ReinstatePlan } from "../jobs/put-back-application.ts";
import type { ReinstateReport } from "../jobs/report.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { localTime } from "../kernel/figures.ts";
import type { SettingsChoice } from "../sources/reinstatement.ts";
import type { OpenProgram } from "./program.ts";
import type { Paint } from "./paint.ts";
import type { Output } from "./render.ts";
import { shortId } from "./run-text.ts";
import type { Session } from "./session.ts";
import { stepProgress, type StepProgress } from "./step-progress.ts";
import { tellVolumes } from "./tell-volumes.ts";
import { formatSeconds, visible } from "./wording.ts";

/** What a person said about it. */
export interface ReinstateOptions {
  readonly job: string;
  readonly snapshot: string;
  readonly from?: string;
  readonly source?: string;
  /** A drill: files into this new directory, the dump into a new database. */
  readonly target?: string;
  readonly database?: string;
  readonly settings: SettingsChoice;
  readonly force: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/**
 * Shows what would be done, has it confirmed on the terminal or by `--yes`, and does it. Throws
 * `usage-invalid` where nobody can be asked: before anything else.
 */
export async function reinstateAsWished(
  session: Session,
  program: OpenProgram,
  options: ReinstateOptions,
): Promise<number> {
  const { reinstateJob } = await import("../jobs/put-back-application.ts");
  const { output, signal, environment } = session;
  const { yes, dryRun, database, settings, force, ...request } = options;
  const ask = environment.askPerson;
  if (isAsked(options) && ask === undefined) throw nobodyToAsk(options);
  if (!dryRun) await recoverFirst(session, program);

  const confirm = async (plan: ReinstatePlan): Promise<boolean> => {
    output.message(planText(plan, output.messagePaint));
    for (const warning of plan.warnings) output.warning(warning);
    if (yes || ask === undefined) return true;
    return /^y(es)?$/i.test((await ask("Do all of this? [y/N] ", signal))?.trim() ?? "");
  };
  using shown = progressUntilNextStep(output, { job: options.job, now: program.now });
  const tell = (step: string): void => {
    shown[Symbol.dispose]();
    output.message(`${options.job}: ${step}`);
  };
  const report = await reinstateJob(
    program,
    {
      ...request,
      dryRun,
      wish: { settings, force, ...(database === undefined ? {} : { database }) },
    },
    { signal, confirm, news: tellVolumes(output), tell, progress: shown.progress },
  );
  for (const note of report.notes) output.warning(note);
  output.document({ ...report, dryRun });
  output.text(dryRun ? planText(report, output.paint) : doneText(report, output.paint));
  if (dryRun) for (const warning of report.warnings) output.warning(warning);
  const warning = 3;
  return report.notes.length > 0 ? warning : 0;
}

/** Shows how far a step is from when it first says so, until it is disposed of. May be disposed of often. */
function progressUntilNextStep(
  output: Output,
  { job, now }: { readonly job: string; readonly now: () => Date },
): StepProgress {
  let shown: StepProgress | undefined;
  return {
    progress(progress) {
      shown ??= stepProgress(output, { job, step: "restore", now });
      shown.progress(progress);
    },
    [Symbol.dispose]() {
      shown?.[Symbol.dispose]();
      shown = undefined;
    },
  };
}

/** What an earlier restore left that was killed must not be taken for what is there. */
async function recoverFirst({ output, signal }: Session, program: OpenProgram): Promise<void> {
  const { recover } = await import("../jobs/recover.ts");
  const { reportRecovery } = await import("./run-jobs.ts");
  reportRecovery(output, await recover(program, signal));
}

/** A drill replaces nothing. */
function isAsked({ yes, dryRun, target }: ReinstateOptions): boolean {
  return !yes && !dryRun && target === undefined;
}

function nobodyToAsk({ job }: ReinstateOptions): HoldfastError {
  return new HoldfastError(
    "usage-invalid",
    `there is no terminal to ask on whether ${job} is to be put back`,
    { hint: "look at what would be done with --dry-run, then say --yes" },
  );
}

function planText(plan: ReinstatePlan, paint: Paint): string {
  const { job, snapshots, repository, place, target, steps } = plan;
  const which = snapshots.map(({ id, time }) => `${shortId(id)} of ${localTime(time)}`).join(", ");
  const what = `snapshot ${which} in ${repository}`;
  const head =
    target === undefined
      ? `${job}: would put ${what} in the place of ${visible(place)}`
      : `${job}: would restore ${what} to ${visible(target)} and ${visible(place)}`;
  const lines = steps.map((step, index) => `  ${index + 1}. ${visible(step)}`);
  return [paint.bold(head), ...lines, ""].join("\n");
}

function doneText(report: ReinstateReport, paint: Paint): string {
  const { job, place, aside, target, snapshots, repository, next, seconds } = report;
  const which = snapshots.map(({ id, time }) => `${shortId(id)} of ${localTime(time)}`).join(", ");
  const did = target === undefined ? "put back" : "filled";
  const headline = paint.green(`${job}: ${did} ${visible(place)}`);
  return [
    `${headline} (${formatSeconds(seconds)})`,
    `  from snapshot ${which} in ${repository}`,
    ...(target === undefined ? [] : [`  files are in ${visible(target)}`]),
    ...(aside === undefined ? [] : [`  what was there is now in ${visible(aside)}`]),
    ...next.map((each) => `  ${paint.green("next:")} ${visible(each)}`),
    "",
  ].join("\n");
}
