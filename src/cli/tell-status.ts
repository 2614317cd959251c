// Knows: how the question "how are these jobs doing" is answered. Must not know: how the program was loaded.
import type { Program } from "../jobs/program.ts";
import { jobStatus } from "../jobs/status.ts";
import type { Output } from "./render.ts";
import { statusDocument, statusText } from "./status-text.ts";

/** Tells how these jobs are doing. Answers with the exit status. */
export async function tellStatus(
  program: Program,
  names: readonly string[],
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<number> {
  const jobs = await jobStatus(program, names, signal);

  output.document(statusDocument(jobs));
  output.text(statusText(jobs, { now: program.now(), paint: output.paint }));
  return 0;
}
