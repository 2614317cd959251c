// Knows: how one command of restic is run for one repository, and that a dead lock is no reason to fail. Must not know: verbs.
import { hostname, userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command, CommandResult, Watch } from "../../hosts/host.ts";
import { answersSignals, isAliveSince } from "../../hosts/process-identity.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { RepositoryAccess } from "../engine.ts";
import { listLocksCommand, showLockCommand, unlockCommand, type Setting } from "./commands.ts";
import { joinEnvironments, resolveEnvironment, type Named, type Variables } from "./environment.ts";
import { explainFailure, Patience, type Subject } from "./errors.ts";
import {
  adviceOn,
  describeLock,
  judgeLocks,
  parseLock,
  type Judgement,
  type Lock,
} from "./locks.ts";
import type { Options } from "./options.ts";

/** How a command is run. */
export interface Running extends Watch {
  readonly signal: AbortSignal;
  /** The repository that the command reads besides its own. */
  readonly from?: Restic;
}

// A restic whose Holdfast was killed gets SIGTERM, and needs a moment to end and to be buried.
const dyingMs = 3000;
const lookAgainMs = 100;

/** restic, as it is run for one repository. */
export class Restic {
  readonly setting: Setting;
  readonly named: Named;
  readonly #access: RepositoryAccess;
  readonly #subject: Subject;
  #variables: Promise<Variables> | undefined;

  constructor(options: Options, access: RepositoryAccess) {
    const { location, name } = access;
    this.setting = { options, location, machine: options.host ?? hostname() };
    this.named = { name, options, location };
    this.#access = access;
    this.#subject = { name, location, program: options.program };
  }

  /**
   * Runs one command to its end. When the repository is locked by processes that are proven dead,
   * their locks are removed and the command is run once more. Throws what `Repository` promises.
   */
  async run(command: Command, running: Running): Promise<CommandResult> {
    try {
      return await this.#runOnce(command, running);
    } catch (error) {
      if (!isLocked(error)) throw error;
      for (const locked of [this, ...(running.from === undefined ? [] : [running.from])]) {
        await locked.#free(running.signal);
      }
      return await this.#runOnce(command, running);
    }
  }

  /** The whole output of a command that answers with JSON, however long it is. */
  async read(command: Command, signal: AbortSignal): Promise<string> {
    const lines: string[] = [];
    await this.run(command, { signal, stdoutLine: (line) => lines.push(line) });
    return lines.join("\n");
  }

  async #runOnce(command: Command, running: Running): Promise<CommandResult> {
    const { signal, from, stdoutLine, stderrLine } = running;
    const env = { ...command.env, ...(await this.#environment(signal, from)) };
    const patience = new Patience(this.#subject);
    const givenUp = new AbortController();
    try {
      return await this.#access.host.run(
        { ...command, env },
        AbortSignal.any([signal, givenUp.signal]),
        {
          ...(stdoutLine === undefined ? {} : { stdoutLine }),
          stderrLine(line) {
            const error = patience.hear(line);
            if (error !== undefined) givenUp.abort(error);
            stderrLine?.(line);
          },
        },
      );
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw explainFailure(error.result, this.#subject, error);
    }
  }

  async #environment(signal: AbortSignal, from?: Restic): Promise<Variables> {
    const own = await this.#resolve(signal);
    if (from === undefined) return own;
    return joinEnvironments(
      { named: this.named, variables: own },
      { named: from.named, variables: await from.#resolve(signal) },
    );
  }

  /** Secrets are fetched once for an opened repository: a keyring may ask its owner each time. */
  async #resolve(signal: AbortSignal): Promise<Variables> {
    this.#variables ??= resolveEnvironment(this.named, this.#access.secret, signal);
    try {
      return await this.#variables;
    } catch (error) {
      this.#variables = undefined;
      throw error;
    }
  }

  /** Removes the locks of the dead. Throws `repository-locked` when others have to be respected. */
  async #free(signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + dyingMs;
    for (;;) {
      const judgement = judgeLocks(await this.#locks(signal), {
        hostname: hostname(),
        username: username(),
        now: new Date(),
        liveness: isAliveSince,
        exists: answersSignals,
      });
      if (judgement.kind === "free") return;
      if (judgement.kind === "removable") {
        await this.#runOnce(unlockCommand(this.setting), { signal });
        return;
      }
      const mayEnd = judgement.owner === "alive" || judgement.owner === "replaced";
      if (!mayEnd || !(await endsBefore(judgement.lock, deadline, signal))) {
        throw this.#heldBy(judgement);
      }
    }
  }

  async #locks(signal: AbortSignal): Promise<readonly Lock[]> {
    const { stdout } = await this.#runOnce(listLocksCommand(this.setting), { signal });
    const locks: Lock[] = [];
    for (const id of stdout.split("\n").filter((line) => /^[0-9a-f]{64}$/.test(line))) {
      const lock = await this.#lock(id, signal);
      if (lock !== undefined) locks.push(lock);
    }
    return locks;
  }

  /** One lock, unless it was taken away between listing and looking. */
  async #lock(id: string, signal: AbortSignal): Promise<Lock | undefined> {
    try {
      const { stdout } = await this.#runOnce(showLockCommand(this.setting, id), { signal });
      return parseLock(stdout);
    } catch (error) {
      const gone = /no such file or directory|does not exist|no matching ID/;
      if (error instanceof HoldfastError && gone.test(error.message)) return undefined;
      throw error;
    }
  }

  #heldBy(held: Held): HoldfastError {
    const { name, location } = this.#subject;
    const message = `repository "${name}" is ${describeLock(held.lock)}`;
    return new HoldfastError("repository-locked", message, { hint: adviceOn(held, location) });
  }
}

type Held = Extract<Judgement, { kind: "held" }>;

async function endsBefore(lock: Lock, deadline: number, signal: AbortSignal): Promise<boolean> {
  while (answersSignals(lock.pid)) {
    // Whoever looks next finds out that it was interrupted.
    if (signal.aborted) return true;
    if (Date.now() >= deadline) return false;
    await sleep(lookAgainMs);
  }
  return true;
}

function isLocked(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === "repository-locked";
}

function username(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list has no name, for restic either.
    return "";
  }
}
