// Knows: the command `logs`.
import type { JournalEvent, RunRecord } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { OpenProgram } from "./program.ts";
import type { Act, Session } from "./session.ts";
import { localTimeToTheSecond, visible } from "./wording.ts";

/** Adds `logs`: what happened in a run. */
export function addLogs(tree: CommandNode, act: Act): void {
  tree
    .command("logs")
    .summary("see what happened in a run")
    .description("Prints the events of a run, in the order in which they happened.")
    .argument("<run>", "a run from `holdfast history`, or the beginning of its name")
    .withExamples(
      ["holdfast logs 20261120-104800-k3f", "see what happened in a run"],
      ["holdfast logs 20261120-1048 --json", "the same for a program, as JSON Lines"],
    )
    .action(async (run: string) => act(async (session) => await showLogs(session, run)));
}

async function showLogs(session: Session, name: string): Promise<number> {
  const { output } = session;
  await using program = await session.open({ readOnly: true });
  const run = await findRun(program, name);

  const events = program.journal.events(run.id);

  for (const { time, event, data } of events) {
    output.jsonLine({ event, time, run: run.id, job: run.job, ...data });
  }
  output.text(logsText(run, events, output.paint));
  return 0;
}

// Further back nobody types the beginning of a name; the whole name works for ever.
const searched = 10_000;

async function findRun({ journal }: OpenProgram, name: string): Promise<RunRecord> {
  const exact = journal.run(name);
  if (exact !== undefined) return exact;
  const runs = journal.runs({ limit: searched });
  const matches = runs.filter(({ id }) => id.startsWith(name));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (matches.length === 0) {
    const { didYouMean } = await import("../config/suggest.ts");
    const meant = didYouMean(
      name,
      runs.map(({ id }) => id),
    );
    throw new HoldfastError("unknown-name", `there is no run "${name}"${meant}`, {
      hint: "see the runs there are with: holdfast history",
    });
  }
  const some = matches.slice(0, 5).map(({ id }) => id);
  throw new HoldfastError("unknown-name", `"${name}" is the beginning of ${matches.length} runs`, {
    hint: `write more of it: ${some.join(", ")}`,
  });
}

/** The events of a run as text, one a line, with all that is known of each. */
export function logsText(run: RunRecord, events: readonly JournalEvent[], paint: Paint): string {
  const head = paint.bold(`${run.id}  ${run.job}  (${run.trigger})`);
  const lines = events.map(({ time, event, data }) => {
    const facts = Object.entries(data)
      .map(([key, value]) => factText(key, value))
      .filter((text) => text !== "");
    return `${paint.dim(localTimeToTheSecond(time))}  ${event}  ${facts.join("  ")}`.trimEnd();
  });
  return [head, ...lines].map((line) => `${line}\n`).join("");
}

function factText(key: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value) && value.length === 0) return "";
  if (typeof value === "string")
    return `${key}=${/[\s"]/.test(value) ? JSON.stringify(value) : visible(value)}`;
  return `${key}=${visible(JSON.stringify(value))}`;
}
