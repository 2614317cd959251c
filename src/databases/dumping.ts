// Knows: how a stream becomes a dump that is proven whole. Must not know: what a database is asked for it.
import { CommandFailed } from "../hosts/command-failed.ts";
import type { Command, Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Dump, DumpCompression } from "./database.ts";
import {
  compressCommands,
  discardCommand,
  finishCommand,
  keepCommand,
  meterCommand,
  readMeter,
} from "./files.ts";

/** What makes the stream, and how it is judged. */
export interface DumpStream {
  readonly host: Host;
  /** What the database is called in messages. */
  readonly label: string;
  /** Writes the dump on standard output. */
  readonly command: Command;
  /** For each line of standard error in turn: whether it proves that the view exists. */
  readonly provesView: (line: string) => boolean;
  /** Whether a dump that ends so is whole. */
  readonly isWhole: (end: DumpEnd) => boolean;
  /** What a failure means. */
  readonly explain: (error: unknown) => unknown;
  /** Sentences about what the dump cannot promise. Asked for once it is whole. */
  readonly notes?: (signal: AbortSignal) => Promise<readonly string[]>;
}

/** How a dump ended. */
export interface DumpEnd {
  /** Its last characters. */
  readonly tail: string;
  readonly bytes: number;
  /** What its tool said on standard error. */
  readonly stderr: string;
}

/** Where it goes. */
export interface DumpRequest {
  readonly file: string;
  readonly compress: DumpCompression;
}

/** Begins to dump: see `Database.dump`. */
export function startDump(stream: DumpStream, request: DumpRequest, signal: AbortSignal): Dump {
  const view = Promise.withResolvers<void>();
  const finished = dumpAll(stream, request, { signal, viewTaken: view.resolve });
  // Of a database without a single table the end is the first that is heard.
  finished.then(() => view.resolve(), view.reject);
  // Whoever waits for one of them only is told by that one.
  view.promise.catch(() => undefined);
  finished.catch(() => undefined);
  return { viewTaken: view.promise, finished };
}

async function dumpAll(
  stream: DumpStream,
  { file, compress }: DumpRequest,
  { signal, viewTaken }: { readonly signal: AbortSignal; readonly viewTaken: () => void },
): Promise<{ readonly bytes: number; readonly notes: readonly string[] }> {
  const { host, command, provesView } = stream;
  try {
    const { stages } = await host.pipe(
      [command, meterCommand, ...compressCommands(compress), keepCommand(file)],
      signal,
      { stderrLine: (line) => provesView(line) && viewTaken() },
    );
    const met = readMeter(stages[1]?.stderr ?? "");
    const stderr = stages[0]?.stderr ?? "";
    if (met === undefined || !stream.isWhole({ ...met, stderr })) throw incomplete(stream.label);
    await host.run(finishCommand(file), signal);
    return { bytes: met.bytes, notes: (await stream.notes?.(signal)) ?? [] };
  } catch (error) {
    await discard(host, file);
    throw roomLacks(error, file) ?? stream.explain(error);
  }
}

/** Whatever made the dump fail is to be told, not that nothing could be taken away after it. */
async function discard(host: Host, file: string): Promise<void> {
  try {
    await host.run(discardCommand(file), new AbortController().signal);
  } catch {
    // Its name says that it is unfinished; whoever owns the folder empties it.
  }
}

function incomplete(label: string): HoldfastError {
  return new HoldfastError("dump-failed", `the dump of ${label} ended without its end marker`, {
    hint: "its tool said that all went well: see what lies in between, such as a proxy or a container that was ended",
  });
}

/** There was no space, or no permission, for the file itself. */
function roomLacks(error: unknown, file: string): HoldfastError | undefined {
  if (!(error instanceof CommandFailed)) return undefined;
  // Of the first stage's words its own kind knows the meaning: another machine may be full.
  if (error.stages.indexOf(error.result) < 1) return undefined;
  const { stderr } = error.result;
  if (!/No space left on device|Disk quota exceeded/i.test(stderr)) return undefined;
  const message = `there is no space left for the dump ${file}`;
  const hint = "make room there, or name another folder with `staging`";
  return new HoldfastError("dump-failed", message, { hint, cause: error });
}
