// Knows: how one connection is shared by all who need it, and when it is closed. Must not know: how it is made.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { interruption, onAbort } from "../interruption.ts";
import type { Connection } from "./connection.ts";
import { NotBegun } from "./session.ts";
import { HostUnreachable } from "./unreachable.ts";

/** How long things last. */
export interface KeepingTimes {
  /** A connection that nobody uses is closed after so many milliseconds. */
  readonly idleMs: number;
  /** So long a machine that could not be reached is not tried again. */
  readonly memoryMs: number;
  /** So many commands run at once; a server allows ten sessions unless it was told otherwise. */
  readonly sessions: number;
}

export const keepingTimes: KeepingTimes = { idleMs: 60_000, memoryMs: 20_000, sessions: 6 };

// A server that allows fewer sessions refuses some until others have ended.
const refusedPauseMs = 200;
const refusedAttempts = 150;
// One that has never allowed any will not do so later.
const unprovenAttempts = 15;

/** One connection, made when it is needed and again when it was lost. */
export class Keeping implements AsyncDisposable {
  readonly #name: string;
  readonly #times: KeepingTimes;
  readonly #make: (signal: AbortSignal) => Promise<Connection>;
  readonly #closing = new AbortController();
  #current: Connection | undefined;
  #making: Promise<Connection> | undefined;
  #failed: { readonly error: HostUnreachable; readonly at: number } | undefined;
  #useless:
    | { readonly connection: Connection; readonly error: HostUnreachable; readonly at: number }
    | undefined;
  #uses = 0;
  #idle: NodeJS.Timeout | undefined;
  #free: number;
  readonly #queue: { readonly wanted: number; readonly proceed: () => void }[] = [];
  /** Those that have let something begin. */
  readonly #proven = new WeakSet<Connection>();

  constructor(
    name: string,
    make: (signal: AbortSignal) => Promise<Connection>,
    times: KeepingTimes = keepingTimes,
  ) {
    this.#name = name;
    this.#make = make;
    this.#times = times;
    this.#free = times.sessions;
  }

  /** The connection that is open now. */
  get current(): Connection | undefined {
    return this.#current?.ended === undefined ? this.#current : undefined;
  }

  /** Keeps a connection open for as long as something is on the other machine that needs it. */
  hold(): Disposable {
    this.#uses += 1;
    clearTimeout(this.#idle);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#uses -= 1;
        this.#restSoon();
      },
    };
  }

  /**
   * Does something with the connection that takes so many sessions. When it says that nothing had begun, it is
   * done again: over a new connection if the old one is gone. Throws `host-unreachable`, `interrupted`.
   */
  async use<T>(
    { signal, sessions }: { readonly signal: AbortSignal; readonly sessions: number },
    work: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    using stack = new DisposableStack();
    stack.use(this.hold());
    const wanted = Math.min(sessions, this.#times.sessions);
    await this.#take(wanted, signal);
    stack.defer(() => this.#giveBack(wanted));
    return await this.#attempt(signal, work);
  }

  async #attempt<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    let hasReconnected = false;
    for (let attempt = 0; ; attempt += 1) {
      const connection = await this.open(signal);
      this.#refuseUseless(connection);
      try {
        const result = await work(connection);
        this.#proven.add(connection);
        return result;
      } catch (error) {
        if (!(error instanceof NotBegun)) throw error;
        const isRefused = /session request failed/.test(error.message);
        const patience = this.#proven.has(connection) ? refusedAttempts : unprovenAttempts;
        if (isRefused && attempt < patience) {
          await sleep(refusedPauseMs, undefined, { signal }).catch(() => undefined);
        } else if (!isRefused && !hasReconnected) {
          hasReconnected = true;
          await this.#drop(connection);
        } else {
          throw this.#giveUp(connection, error);
        }
      }
    }
  }

  #giveUp(connection: Connection, refused: NotBegun): HostUnreachable {
    const error = tooFewSessions(this.#name, refused);
    // Everybody else who waits for it is told the same, instead of trying for as long.
    const useless = { connection, error, at: performance.now() };
    if (!this.#proven.has(connection)) this.#useless = useless;
    return error;
  }

  #refuseUseless(connection: Connection): void {
    if (this.#useless?.connection !== connection) return;
    if (performance.now() - this.#useless.at < this.#times.memoryMs) throw this.#useless.error;
  }

  /** The open connection, made if there is none. Whoever waits shares it. */
  async open(signal: AbortSignal): Promise<Connection> {
    const subject = `connecting to host "${this.#name}"`;
    if (signal.aborted) throw interruption(signal, subject);
    const { current } = this;
    if (current !== undefined) return current;
    if (this.#failed !== undefined) {
      const { error, at } = this.#failed;
      if (performance.now() - at < this.#times.memoryMs) throw error;
      this.#failed = undefined;
    }
    this.#making ??= this.#connect();
    const { promise, reject } = Promise.withResolvers<never>();
    using stack = new DisposableStack();
    stack.use(onAbort(signal, () => reject(interruption(signal, subject))));
    return await Promise.race([this.#making, promise]);
  }

  async #connect(): Promise<Connection> {
    try {
      // A dead one left its files.
      await this.#current?.[Symbol.asyncDispose]();
      this.#current = undefined;
      const connection = await this.#make(this.#closing.signal);
      this.#current = connection;
      this.#restSoon();
      return connection;
    } catch (error) {
      if (error instanceof HostUnreachable) this.#failed = { error, at: performance.now() };
      throw error;
    } finally {
      this.#making = undefined;
    }
  }

  async #drop(connection: Connection): Promise<void> {
    if (this.#current === connection) this.#current = undefined;
    await connection[Symbol.asyncDispose]();
  }

  #restSoon(): void {
    clearTimeout(this.#idle);
    if (this.#uses > 0 || this.#current === undefined) return;
    this.#idle = setTimeout(() => void this.#rest(), this.#times.idleMs).unref();
  }

  async #rest(): Promise<void> {
    const { current } = this;
    if (this.#uses > 0 || current === undefined) return;
    if (isUsedByOthers(current.shell)) this.#restSoon();
    else await this.#drop(current);
  }

  /** Waits for its turn. Throws `interrupted`. */
  async #take(wanted: number, signal: AbortSignal): Promise<void> {
    const subject = `waiting for host "${this.#name}"`;
    if (signal.aborted) throw interruption(signal, subject);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { wanted, proceed: resolve };
    this.#queue.push(waiting);
    this.#serve();
    using stack = new DisposableStack();
    stack.use(
      onAbort(signal, () => {
        const at = this.#queue.indexOf(waiting);
        // Whoever has had their turn gives it back.
        if (at === -1) return;
        this.#queue.splice(at, 1);
        reject(interruption(signal, subject));
        this.#serve();
      }),
    );
    await promise;
  }

  #giveBack(sessions: number): void {
    this.#free += sessions;
    this.#serve();
  }

  #serve(): void {
    for (let [first] = this.#queue; first !== undefined; [first] = this.#queue) {
      if (first.wanted > this.#free) return;
      this.#queue.shift();
      this.#free -= first.wanted;
      first.proceed();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#idle);
    await this.#making?.catch(() => undefined);
    clearTimeout(this.#idle);
    await this.#current?.[Symbol.asyncDispose]();
    this.#current = undefined;
  }
}

function tooFewSessions(name: string, refused: NotBegun): HostUnreachable {
  return new HostUnreachable(
    `host "${name}" does not take a command: ${refused.message}`,
    { hint: "look at MaxSessions in its sshd_config: at least 4 are needed", cause: refused },
    { code: "host-misconfigured", severity: "error" },
  );
}

/**
 * Whether a tool that was given the words of ssh still runs one: it would be cut off. Where that cannot be seen
 * (there is no /proc) nothing is closed early.
 */
function isUsedByOthers(shell: readonly string[]): boolean {
  const words = `${shell.join("\0")}\0`;
  try {
    return readdirSync("/proc").some((name) => {
      return /^\d+$/.test(name) && commandLine(name).includes(words);
    });
  } catch {
    return true;
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It has ended, or belongs to somebody else.
    return "";
  }
}
