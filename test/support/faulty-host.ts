// Knows: how a machine can fail its commands. Must not know: what the commands are for.
import { AssertionError } from "node:assert";
import { CommandFailed } from "../../src/hosts/command-failed.ts";
import type { Command, CommandResult, Host, PipeResult, Watch } from "../../src/hosts/host.ts";
import { commandResult, end, hang, type Ending } from "./scripted-host.ts";

/** What goes wrong with one command. */
export type Fault =
  /** It ends so at once, without having run. */
  | { readonly kind: "fail"; readonly ending: Ending }
  /** It runs to its end and has its effect, but is reported as failed. */
  | { readonly kind: "fail-after"; readonly ending: Ending }
  /** It is killed (SIGKILL) after so many milliseconds of work. Needs `timeout` of coreutils. */
  | { readonly kind: "kill"; readonly afterMs: number }
  /** It never starts working and never ends: only an abort or its `timeoutMs` end it. */
  | { readonly kind: "hang" }
  /** It runs, but says this instead of what it had to say. */
  | { readonly kind: "garbage"; readonly stdout: string }
  /** It fails as tools do when there is no space left, without having run. */
  | { readonly kind: "disk-full" };

/** Which command it happens to: the n-th (from 0, stages of a pipe count singly), or the first that fits. */
export interface PlannedFault {
  readonly at: number | ((command: Command) => boolean);
  readonly fault: Fault;
}

/** Ends a command as by SIGKILL from outside. */
export const killed: Ending = { exitStatus: 137, signal: "SIGKILL" };

/**
 * A host on which planned faults happen, each once; everything else is left to the host it wraps.
 * A fault that did not happen fails the test when the host is disposed of: a test that passes
 * without its fault proves nothing. In a pipe only `kill` can be planned, and whatever fails before
 * the pipe starts (`fail`, `disk-full`, `hang`).
 */
export class FaultyHost implements Host, Disposable {
  readonly name: string;
  /** Every command that was asked for, in order. */
  readonly asked: Command[] = [];
  readonly #host: Host;
  readonly #planned: Set<PlannedFault>;

  constructor(host: Host, faults: readonly PlannedFault[]) {
    this.name = host.name;
    this.#host = host;
    this.#planned = new Set(faults);
  }

  async reach(signal: AbortSignal): Promise<void> {
    await this.#host.reach(signal);
  }

  async run(command: Command, signal: AbortSignal, watch: Watch = {}): Promise<CommandResult> {
    const fault = this.#faultFor(command);
    if (fault === undefined) return await this.#host.run(command, signal, watch);
    switch (fault.kind) {
      case "kill":
        return await this.#killed(command, fault.afterMs, { signal, watch });
      case "garbage": {
        await this.#host.run(command, signal);
        return end(command, { stdout: fault.stdout }, watch);
      }
      case "fail-after": {
        await this.#host.run(command, signal, watch);
        throw new CommandFailed(command, commandResult(fault.ending));
      }
      case "fail":
      case "disk-full":
      case "hang":
        return await withoutRunning(command, fault, { signal, watch });
    }
  }

  async pipe(
    commands: readonly Command[],
    signal: AbortSignal,
    watch: Watch = {},
  ): Promise<PipeResult> {
    const stages: Command[] = [];
    for (const command of commands) {
      const fault = this.#faultFor(command);
      if (fault === undefined) stages.push(command);
      else if (fault.kind === "kill") stages.push(withKill(command, fault.afterMs));
      else if (fault.kind === "garbage" || fault.kind === "fail-after") {
        throw new Error(`a stage of a pipe cannot be planned to "${fault.kind}"`);
      } else await withoutRunning(command, fault, { signal, watch });
    }
    return await this.#host.pipe(stages, signal, watch);
  }

  async inspect(paths: readonly string[], signal: AbortSignal) {
    return await this.#host.inspect(paths, signal);
  }

  async scratch() {
    return await this.#host.scratch();
  }

  [Symbol.dispose](): void {
    const missed = [...this.#planned].map(({ at, fault }) => `${fault.kind} at ${String(at)}`);
    if (missed.length === 0) return;
    throw new AssertionError({
      message: `planned faults that never happened (${this.asked.length} commands were asked for): ${missed.join("; ")}`,
    });
  }

  async #killed(
    command: Command,
    afterMs: number,
    { signal, watch }: Call,
  ): Promise<CommandResult> {
    try {
      return await this.#host.run(withKill(command, afterMs), signal, watch);
    } catch (error) {
      // In its own name, not in that of the program that killed it.
      throw error instanceof CommandFailed ? new CommandFailed(command, error.result) : error;
    }
  }

  #faultFor(command: Command): Fault | undefined {
    const number = this.asked.push(command) - 1;
    const planned = [...this.#planned].find(({ at }) =>
      typeof at === "number" ? at === number : at(command),
    );
    if (planned !== undefined) this.#planned.delete(planned);
    return planned?.fault;
  }
}

interface Call {
  readonly signal: AbortSignal;
  readonly watch: Watch;
}

async function withoutRunning(
  command: Command,
  fault: Extract<Fault, { kind: "fail" | "hang" | "disk-full" }>,
  { signal, watch }: Call,
): Promise<CommandResult> {
  if (fault.kind === "hang") return await hang(command, signal);
  return end(command, fault.kind === "fail" ? fault.ending : diskFull, watch);
}

const diskFull: Ending = { exitStatus: 1, stderr: "write: no space left on device" };

/** The same command, really started and really killed in the middle of its work. */
function withKill(command: Command, afterMs: number): Command {
  const argv = ["timeout", "-s", "KILL", String(afterMs / 1000), ...command.argv] as const;
  return { ...command, argv };
}
