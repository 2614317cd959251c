// Knows: the command `history`.
import type { RunRecord } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import { paintOutcome } from "./run-text.ts";
import type { Act, Session } from "./session.ts";
import { table } from "./table.ts";
import { formatSeconds, visible } from "./wording.ts";
import { localTime } from "../kernel/figures.ts";

interface HistoryOptions {
  readonly limit: string;
}

const defaultLimit = 20;

/** Adds `history`: past runs. */
export function addHistory(tree: CommandNode, act: Act): void {
  tree
    .command("history")
    .summary("list past runs")
    .description("Lists past runs, newest first.")
    .argument("[job]", "only runs of this job")
    .option("--limit <number>", "how many runs", String(defaultLimit))
    .withExamples(
      ["holdfast history", `list the last ${defaultLimit} runs`],
      ["holdfast history documents --limit 100", "list more runs of one job"],
    )
    .action(async (job: string | undefined, options: HistoryOptions) =>
      act(async (session) => await listRuns(session, job, options)),
    );
}

async function listRuns(
  session: Session,
  job: string | undefined,
  options: HistoryOptions,
): Promise<number> {
  const limit = positiveNumber(options.limit);
  const { chosen } = await import("./names.ts");
  const { output } = session;
  await using program = await session.open({ readOnly: true });
  if (job !== undefined) chosen("job", [job], program.config.jobs.keys());

  const runs = program.journal.runs({ limit, ...(job === undefined ? {} : { job }) });

  output.document({ runs: runs.map(runDocument) });
  output.text(historyText(runs, output.paint));
  if (runs.length === 0) output.message("nothing has run yet");
  return 0;
}

function positiveNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new HoldfastError("usage-invalid", `--limit must be a whole number above 0, not "${text}"`);
}

/** A run as `history --json` says it. What has not ended has neither end nor outcome. */
export function runDocument({
  id,
  job,
  trigger,
  started,
  finished = null,
  end,
}: Omit<RunRecord, "finished"> & {
  readonly finished?: Date | null;
}): Readonly<Record<string, unknown>> {
  const seconds = finished === null ? null : (finished.getTime() - started.getTime()) / 1000;
  return { run: id, job, trigger, started, finished, seconds, outcome: null, ...end };
}

/** Runs as a table, newest first. */
export function historyText(runs: readonly RunRecord[], paint: Paint): string {
  if (runs.length === 0) return "";
  return table(
    [
      { heading: "STARTED" },
      { heading: "RUN" },
      { heading: "JOB" },
      { heading: "OUTCOME" },
      { heading: "TOOK", align: "right" },
      { heading: "NEW", align: "right" },
      { heading: "BY" },
      { heading: "REASON" },
    ],
    runs.map((run) => cells(run, paint)),
    paint,
  );
}

function cells({ id, job, trigger, started, finished, end }: RunRecord, paint: Paint): string[] {
  const took = finished === undefined ? undefined : (finished.getTime() - started.getTime()) / 1000;
  const added = end?.evidence?.added;
  return [
    localTime(started),
    id,
    job,
    end === undefined ? "running" : paintOutcome(end.outcome, end.outcome, paint),
    took === undefined ? "" : formatSeconds(took),
    added === undefined ? "" : formatSize(added),
    trigger,
    visible(end?.reason ?? ""),
  ];
}
