// Knows: the command `run`.
import { collect, type CommandNode, jobsArgument } from "./command-node.ts";
import type { Act } from "./session.ts";

interface RunOptions {
  readonly due?: boolean;
  readonly dryRun?: boolean;
  readonly only?: string;
  readonly label?: readonly string[];
  readonly full?: boolean;
  readonly allowDeletions?: boolean;
  readonly strict?: boolean;
}

/** Adds `run`: all that jobs need now. */
export function addRun(tree: CommandNode, act: Act): void {
  tree
    .command("run")
    .summary("do all that jobs need now")
    .description(
      "Does all that jobs need now: attaches volumes, backs up, copies, forgets snapshots that no rule keeps, reclaims their space, checks, and tells.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("--due", "only jobs whose schedule wants them now")
    .option("-n, --dry-run", "say what would be done and why, and change nothing")
    .option("--only <verbs>", "only some of backup,copy,forget,prune,check")
    .option("--label <text>", "give the new snapshots a label (repeatable)", collect)
    .option("--full", "make a full snapshot even where a differential would do")
    .option("--allow-deletions", "follow a source that has lost most of its files, or all of them")
    .option("--strict", "exit with 75 when nothing could run because all volumes are away")
    .withLocations()
    .withExamples(
      ["holdfast run", "run every job"],
      ["holdfast run --dry-run documents", "say what a run of one job would do"],
      ["holdfast run --due", "run what is due: for a timer or cron"],
      ["holdfast run --only backup,copy photos", "leave retention alone this time"],
      ["holdfast run --location home", "reach hosts only as they are reached at home"],
      ["holdfast run --allow-deletions photos", "after clearing out: let the mirror follow"],
    )
    .action(async (jobs: readonly string[], options: RunOptions) =>
      act(async (session) => {
        const { runAsked } = await import("./run-jobs.ts");
        const { verbsOf } = await import("./verbs.ts");
        const { due, dryRun, full, allowDeletions, strict } = options;
        return await runAsked(session, {
          jobs,
          verbs: verbsOf(options.only),
          labels: options.label ?? [],
          due: due ?? false,
          dryRun: dryRun ?? false,
          full: full ?? false,
          allowDeletions: allowDeletions ?? false,
          strict: strict ?? false,
        });
      }),
    );
}
