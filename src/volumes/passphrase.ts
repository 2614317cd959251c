// Knows: how a person is asked for a passphrase. Must not know: what it opens.
import { interruption } from "../hosts/interruption.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";

/** Where a person can be asked. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** The terminal of this process, where it has one to read from and to write to. */
export function ownTerminal(): Terminal | undefined {
  const { stdin, stderr } = process;
  return stdin.isTTY && stderr.isTTY ? { input: stdin, output: stderr } : undefined;
}

const given = new Map<string, Promise<Secret>>();
// Two questions at once would share the letters of one answer.
let previous: Promise<unknown> = Promise.resolve();

/**
 * Asks for the passphrase of a volume, once in the life of this process, and shows nothing of it. Throws
 * `secret-unavailable` where there is no terminal, and `interrupted`.
 */
export async function askPassphrase(volume: string, signal: AbortSignal): Promise<Secret> {
  const known = given.get(volume);
  if (known !== undefined) return await known;
  const asking = afterPrevious(async () => await ask(volume, ownTerminal(), signal));
  given.set(volume, asking);
  try {
    return await asking;
  } catch (error) {
    given.delete(volume);
    throw error;
  }
}

/** A passphrase that was wrong is asked for again the next time. */
export function forgetPassphrase(volume: string): void {
  given.delete(volume);
}

async function afterPrevious(question: () => Promise<Secret>): Promise<Secret> {
  // Whoever asked before has its own failure.
  const asking = previous.then(question, question);
  previous = asking.catch(() => undefined);
  return await asking;
}

async function ask(
  volume: string,
  terminal: Terminal | undefined,
  signal: AbortSignal,
): Promise<Secret> {
  if (terminal === undefined) {
    throw new HoldfastError(
      "secret-unavailable",
      `the passphrase of volume "${volume}" is asked for, and there is no terminal to ask at`,
      { hint: `unlock it beforehand, with: holdfast volumes attach ${volume}` },
    );
  }
  const { output } = terminal;
  output.write(`Passphrase of volume ${volume}: `);
  try {
    return new Secret(await readHidden(terminal.input, signal));
  } finally {
    output.write("\n");
  }
}

const endOfLine = new Set(["\r", "\n"]);
const rubout = new Set(["\b", "\u007F"]);
const interruptKey = "\u0003";
const endOfInput = "\u0004";
const killLine = "\u0015";

async function readHidden(input: NodeJS.ReadStream, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed: string[] = [];
  const take = (key: string): void => {
    if (endOfLine.has(key) || key === endOfInput) resolve(typed.join(""));
    else if (key === interruptKey) reject(interruption(signal, "asking for a passphrase"));
    else if (rubout.has(key)) typed = typed.slice(0, -1);
    else if (key === killLine) typed = [];
    else typed = [...typed, key];
  };
  const read = (text: string): void => {
    for (const key of text) take(key);
  };
  const stop = (): void => reject(interruption(signal, "asking for a passphrase"));
  signal.addEventListener("abort", stop, { once: true });
  input.setEncoding("utf8").on("data", read).setRawMode(true).resume();
  try {
    if (signal.aborted) stop();
    return await promise;
  } finally {
    // Else the open terminal would keep the process alive.
    input.off("data", read).setRawMode(false).pause();
    signal.removeEventListener("abort", stop);
  }
}
