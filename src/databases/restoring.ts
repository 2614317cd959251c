// Knows: how it is made sure that a dump is whole before anything is replaced by it. Must not know: what it is of.
import { CommandFailed, lastWords } from "../hosts/command-failed.ts";
import type { Command, Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { readCommand } from "./files.ts";

const tailCommand: Command = { argv: ["tail", "-c", "300"], effect: "reads" };

/** A dump, and how the end of a whole one looks. */
export interface StoredDump {
  readonly host: Host;
  readonly file: string;
  readonly isWhole: (tail: string) => boolean;
}

/** Throws `database-unusable` unless the file can be read to its end, and that is the end of a dump. */
export async function requireWhole(
  { host, file, isWhole }: StoredDump,
  signal: AbortSignal,
): Promise<void> {
  const hint = "nothing was changed; restore another snapshot: holdfast snapshots";
  try {
    const { stdout } = await host.pipe([readCommand(file), tailCommand], signal);
    if (isWhole(stdout)) return;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const message = `the dump ${file} cannot be read: ${lastWords(error.result.stderr)}`;
    throw new HoldfastError("database-unusable", message, { hint, cause: error });
  }
  const message = `the dump ${file} is not whole: it lacks its end marker`;
  throw new HoldfastError("database-unusable", message, { hint });
}
