// Knows: how a test starts the daemon as its user does and hears what it says. Must not know: what it ought to say.
import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ended, Started, User } from "./holdfast.ts";
import { commandLine, processesOf } from "./processes.ts";

// A machine under load may take long; who waits longer than this waits in vain.
const patienceMs = 60_000;

/** A daemon that runs as a process of its own. It is killed at the end of a test that left it running. */
export class DaemonProcess implements AsyncDisposable {
  /** What it has said so far. */
  said = "";
  readonly #user: User;
  readonly #started: Started;

  constructor(
    user: User,
    options: {
      readonly words?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    } = {},
  ) {
    this.#user = user;
    this.#started = user.start(["daemon", ...(options.words ?? [])], { env: options.env ?? {} });
    this.#started.child.stderr?.on("data", (chunk: Buffer) => {
      this.said += chunk.toString();
    });
  }

  /** Waits until it says something. Fails when it does not, or ends before. */
  async hears(words: RegExp): Promise<void> {
    await this.#until(() => words.test(this.said), `${words} was never said`);
  }

  /** Waits for a file that something it has started writes. */
  async sees(isThere: () => Promise<boolean> | boolean, what: string): Promise<void> {
    await this.#until(isThere, `${what} never came`);
  }

  /** Sends a signal. */
  signal(name: NodeJS.Signals): void {
    this.#started.child.kill(name);
  }

  /** Waits for its end, after a signal where one is given. */
  async end(name?: NodeJS.Signals): Promise<Ended> {
    if (name !== undefined) this.signal(name);
    return await this.#started.ended;
  }

  /** Fails when something that was started for this user still runs ten seconds later. */
  async assertNothingRuns(): Promise<void> {
    for (let tries = 0; processesOf(this.#user.home).length > 0 && tries < 200; tries += 1) {
      await sleep(50);
    }
    assert.deepEqual(processesOf(this.#user.home).map(commandLine), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this.#started;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  }

  async #until(holds: () => Promise<boolean> | boolean, otherwise: string): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!(await holds())) {
      const { exitCode, signalCode } = this.#started.child;
      const ended = exitCode !== null || signalCode !== null;
      assert.ok(!ended, `${otherwise}; the daemon has ended (${exitCode}): ${this.said}`);
      assert.ok(Date.now() < deadline, `${otherwise}: ${this.said}`);
      await sleep(50);
    }
  }
}
