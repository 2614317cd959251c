// Knows: how bytes go from a process of one machine to a process of another. Must not know: what they are.
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";
import { CommandFailed, programName } from "./command-failed.ts";
import type { Command, Host, Leash, PipeResult, Watch } from "./host.ts";
import { showLineOn } from "./show-command.ts";
import { supervise } from "./supervise.ts";

/** One stage of a pipe, and the machine that it runs on. */
export interface Stage {
  readonly host: Host;
  readonly command: Command;
}

/** What pipes across machines are given besides their stages. */
export interface Piping {
  /** This machine, through which the bytes go. */
  readonly here: Host;
  readonly signal: AbortSignal;
  readonly watch?: Watch;
}

/**
 * As `Host.pipe`, with stages on several machines. When all are on one, the bytes stay there; otherwise
 * they come through this machine. However it ends, no stage goes on anywhere.
 */
export async function pipeAcross(stages: readonly Stage[], piping: Piping): Promise<PipeResult> {
  const { here, signal, watch = {} } = piping;
  const [first] = stages;
  const commands = stages.map(({ command }) => command);
  if (first !== undefined && stages.every(({ host }) => isSame(host, first.host))) {
    return await first.host.pipe(commands, signal, watch);
  }
  await Promise.all(stages.map(async ({ host }) => await host.reach(signal)));
  for (const writer of stages.slice(0, -1)) refuseChatter(writer);
  await using stack = new AsyncDisposableStack();
  const leashes = await Promise.all(
    stages.map(async (stage, index) => leashOn(index === 0 ? stage : await unarmed(stage, stack))),
  );
  const end = async (): Promise<void> => {
    await Promise.all(leashes.map(async (leash) => await leash.end()));
  };
  // What is to be said of a command that was too slow is said here, by its own name.
  const local = leashes.map(({ command: { timeoutMs: _timeoutMs, ...command } }) => command);
  return await supervise({ commands, signal, end }, async (letGo) => {
    try {
      return await here.pipe(local, letGo, watch);
    } catch (error) {
      await end();
      throw inOwnWords(error, stages, leashes);
    }
  });
}

/** A host may be wrapped, so that it is not the same object. */
function isSame(one: Host, other: Host): boolean {
  return one.remote?.destination === other.remote?.destination;
}

const nothing = async (): Promise<void> => {};

function leashOn({ host, command }: Stage): Leash {
  const { remote } = host;
  if (remote === undefined) return { command, end: nothing };
  return remote.leash?.(command) ?? { command: remote.through(command), end: nothing };
}

/**
 * A stage whose input is another one's output cannot be told a secret by its input, and must not be by its
 * arguments: a private file on its machine tells it.
 */
async function unarmed({ host, command }: Stage, stack: AsyncDisposableStack): Promise<Stage> {
  const secrets = Object.entries(command.env ?? {}).filter(([, value]) => value instanceof Secret);
  if (host.remote === undefined || secrets.length === 0) return { host, command };
  const scratch = stack.use(await host.scratch());
  const file = `${scratch.path}/environment`;
  const lines = secrets.map(([name, value]) => `export ${name}=${quote(reveal(value))}`);
  await host.run(
    {
      argv: ["sh", "-c", 'umask 077; cat >"$1"', "sh", file],
      stdin: Buffer.from(`${lines.join("\n")}\n`),
      effect: "writes",
    },
    new AbortController().signal,
  );
  const open = Object.entries(command.env ?? {}).filter(([, value]) => !(value instanceof Secret));
  const argv = ["sh", "-c", '. "$1"; shift; exec "$@"', "sh", file, ...command.argv] as const;
  return { host, command: { ...command, env: Object.fromEntries(open), argv } };
}

function reveal(value: string | Secret): string {
  return value instanceof Secret ? value.reveal() : value;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What ran here was ssh; what failed is what it ran elsewhere, or the connection. */
function inOwnWords(error: unknown, stages: readonly Stage[], leashes: readonly Leash[]): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const index = error.stages.indexOf(error.result);
  const [stage, leash] = [stages[index], leashes[index]];
  if (stage?.host.remote === undefined) return error;
  const { host, command } = stage;
  const result = leash?.ownResult === undefined ? error.result : leash.ownResult(error.result);
  if (result === undefined) {
    return new HoldfastError(
      "host-unreachable",
      `the connection to host "${host.name}" was lost while ${programName(command)} ran there`,
      { cause: error },
    );
  }
  return new CommandFailed(command, result, error.stages.with(index, result));
}

/** Bytes with a greeting before them would arrive as data, and nobody would notice before a restore. */
function refuseChatter({ host }: Stage): void {
  if (host.remote?.isChatty !== true) return;
  throw new HoldfastError(
    "command-failed",
    `the login shell of host "${host.name}" prints text when it starts, which would get into the data`,
    {
      hint: `see it with: ${showLineOn(host, "true")}; let its start files print only in a terminal`,
    },
  );
}
