// Knows: how rows get from a tool's output to whoever asked. Must not know: how any tool writes them.
import type { Command, Host } from "../hosts/host.ts";
import type { Row } from "./database.ts";
import { type RowBatch, RowSpool } from "./row-spool.ts";

/** Reads the lines of a tool's output. */
export interface RowReader {
  line(text: string): void;
}

/** What a reader calls for what it has read. */
export type RowSink = Pick<RowSpool, "push" | "next">;

/** What is asked, and how the answer is read. */
export interface Question {
  readonly host: Host;
  readonly command: Command;
  readonly reader: (sink: RowSink) => RowReader;
  readonly explain: (error: unknown) => unknown;
}

/** The answer: see `Database.rows`. The tool has ended well before the first row is given. */
export async function* askForRows(
  { host, command, reader, explain }: Question,
  signal: AbortSignal,
): AsyncGenerator<RowBatch> {
  using spool = new RowSpool();
  const reading = reader(spool);
  try {
    await host.run(command, signal, { stdoutLine: (line) => reading.line(line) });
  } catch (error) {
    throw explain(error);
  }
  yield* spool.batches();
}

/** All rows of an answer that is known to be short. */
export async function allRows(answer: AsyncIterable<RowBatch>): Promise<readonly Row[]> {
  const all: Row[] = [];
  for await (const { rows } of answer) all.push(...rows);
  return all;
}
