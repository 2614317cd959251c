// Knows: what runs have said as JSON lines. Must not know: who reads it, and what for.
import type * as z from "zod";
import type { Ended } from "./holdfast.ts";
import { RunLine } from "./json-shapes.ts";

type Line = z.output<typeof RunLine>;
type RunFinished = Extract<Line, { event: "run-finished" }>;

/** The whole lines of what `run --json` has printed. */
function runLines(stdout: string): readonly Line[] {
  const whole = stdout.split("\n").slice(0, -1);
  return whole.map((line) => RunLine.parse(JSON.parse(line)));
}

/** How the run of each job ended, in the order in which they did. */
export function finishedRuns({ stdout }: Pick<Ended, "stdout">): readonly RunFinished[] {
  return runLines(stdout).filter((line) => line.event === "run-finished");
}

/** The only run that has finished. Throws when it is not the only one. */
export function finishedRun(ended: Ended): RunFinished {
  const [run, ...more] = finishedRuns(ended);
  if (run === undefined || more.length > 0) throw new Error(ended.stdout + ended.stderr);
  return run;
}
