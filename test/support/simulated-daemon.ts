// Knows: how a real daemon lives on a simulated machine with a pretended restic. Must not know: what it ought to do there.
import { justHere } from "./program.ts";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { runDaemon } from "../../src/daemon/daemon.ts";
import type { ServiceState } from "../../src/daemon/systemd.ts";
import type { StampedEvent } from "../../src/jobs/event.ts";
import type { Program } from "../../src/jobs/program.ts";
import { openJournal } from "../../src/journal/open.ts";
import type { Journal, RunEnd, Trigger } from "../../src/journal/journal.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { type Pretence, PretendRestic } from "./pretend-restic.ts";
import { SimulatedMachine } from "./simulated-machine.ts";

/** A moment by both clocks: what the machine's clock showed, and how long it had been awake. Milliseconds. */
export interface Instant {
  readonly wall: number;
  readonly awake: number;
}

/** One run as it was seen from outside. */
export interface SeenRun {
  readonly id: string;
  readonly job: string;
  readonly trigger: Trigger;
  readonly started: Instant;
  ended?: Instant;
  end?: RunEnd;
}

/** Something that happens to the machine when it has been awake for so long. */
export type Incident = { readonly at: number } & (
  | { readonly kind: "sleep"; readonly milliseconds: number }
  | { readonly kind: "clock-set"; readonly milliseconds: number }
  /** The daemon is stopped, and started again when the machine has been off for so long. */
  | { readonly kind: "restart"; readonly milliseconds: number }
);

export interface SimulationOptions {
  readonly start: Date;
  /** The configuration, without its state. */
  readonly config: object;
  readonly restic: Omit<Pretence, "now" | "pause">;
  /** Hears of every event of a run. */
  readonly listener?: (stamped: StampedEvent) => void;
  readonly runNow?: boolean;
  /** How long runs may go on when the daemon is stopped. Default: as long as they take. */
  readonly drainMs?: number;
  /** Puts something between the daemon and its journal. */
  readonly journal?: (real: Journal) => Journal;
}

// The journal waits for the disk at every run; in memory a simulated year takes seconds.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const silentService: ServiceState = {
  aliveWithinMs: Infinity,
  ready: async () => {},
  alive: async () => {},
  stopping: async () => {},
};

/** A daemon whose life is told by incidents. */
export class SimulatedDaemon implements AsyncDisposable {
  readonly machine: SimulatedMachine;
  readonly host: PretendRestic;
  readonly journal: Journal;
  readonly runs: SeenRun[] = [];
  readonly said: string[] = [];
  /** When it was up, by the time that the machine was awake. */
  readonly up: { readonly from: number; to: number }[] = [];
  readonly #directory: string;
  readonly #options: SimulationOptions;
  readonly #open = new Map<string, SeenRun>();
  #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #isUp = false;
  #failure: Error | undefined;

  private constructor(directory: string, options: SimulationOptions) {
    this.#directory = directory;
    this.#options = options;
    this.machine = new SimulatedMachine(options.start);
    const { now, pause } = this.machine;
    this.host = new PretendRestic({ ...options.restic, now, pause });
    this.journal = openJournal(directory, { now });
  }

  /** A machine with a configuration, and no daemon yet. */
  static async create(options: SimulationOptions): Promise<SimulatedDaemon> {
    const directory = await mkdtemp(join(memory, "holdfast-simulation-"));
    const daemon = new SimulatedDaemon(directory, options);
    await daemon.configure(options.config);
    return daemon;
  }

  /** Writes the configuration: a daemon that runs finds it changed. */
  async configure(config: object): Promise<void> {
    const text = JSON.stringify({ version: 1, state: this.#directory, ...config });
    await writeFile(join(this.#directory, "holdfast.yaml"), text, { mode: 0o600 });
  }

  start(): void {
    this.#stop = new AbortController();
    this.#isUp = true;
    this.up.push({ from: this.machine.awake, to: Infinity });
    this.#ended = this.run(this.#stop.signal)
      .catch((error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#isUp = false;
      });
  }

  /** A daemon of this machine, until it ends. `start` is the usual way. */
  async run(signal: AbortSignal): Promise<void> {
    await runDaemon({
      load: async (previous) => await this.#load(previous),
      signal,
      drainMs: this.#options.drainMs ?? 2 ** 30,
      runNow: this.#options.runNow ?? false,
      say: (loudness, message) => this.said.push(`${loudness}: ${message}`),
      listener: (stamped) => this.#hear(stamped),
      waker: this.machine.waker,
      service: silentService,
    });
  }

  /** Ends the daemon as SIGTERM does, and lets its runs end by themselves or, with `drainMs`, in the midst. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const current = this.up.at(-1);
    if (current !== undefined) current.to = Math.min(current.to, this.machine.awake);
    while (this.#isUp && this.#options.drainMs === undefined) {
      await this.#settle();
      if (this.#isUp) this.machine.advance(Infinity);
    }
    await this.end();
  }

  /** Waits until the daemon has ended by itself. Throws what it threw. */
  async end(): Promise<void> {
    await this.#ended;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** Lets the machine be awake until it has been so for `until` milliseconds, with all that happens meanwhile. */
  async live(until: number, incidents: readonly Incident[] = []): Promise<void> {
    for (const incident of incidents) {
      await this.#awakeUntil(incident.at);
      await this.#happen(incident);
    }
    await this.#awakeUntil(until);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isUp) await this.stop();
    this.journal[Symbol.dispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #awakeUntil(until: number): Promise<void> {
    while (this.machine.awake < until) {
      await this.#settle();
      this.machine.advance(until);
    }
    await this.#settle();
  }

  async #happen(incident: Incident): Promise<void> {
    switch (incident.kind) {
      case "sleep":
      case "clock-set":
        this.machine.shift(incident.milliseconds);
        return;
      case "restart":
        await this.stop();
        this.machine.shift(incident.milliseconds);
        this.start();
    }
  }

  async #load(previous?: Program): Promise<Program> {
    const file = join(this.#directory, "holdfast.yaml");
    const config = await loadConfig({ file, env: {}, home: this.#directory });
    if (previous !== undefined) return { ...previous, config };
    return {
      config,
      journal: this.#options.journal?.(this.journal) ?? this.journal,
      hosts: justHere(this.host),
      secret: async () => new Secret("a pretended password"),
      now: this.machine.now,
    };
  }

  #hear(stamped: StampedEvent): void {
    const { run: id, job, event } = stamped;
    const instant = { wall: this.machine.now().getTime(), awake: this.machine.awake };
    if (event.event === "run-started") {
      const run: SeenRun = { id, job, trigger: event.trigger, started: instant };
      this.runs.push(run);
      this.#open.set(id, run);
    }
    this.#options.listener?.(stamped);
    const run = this.#open.get(id);
    if (event.event !== "run-finished" || run === undefined) return;
    run.ended = instant;
    run.end = event;
    this.#open.delete(id);
  }

  /** Waits until nothing goes on any more without time passing. */
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      await new Promise(setImmediate);
      quiet = this.#isQuiet() ? quiet + 1 : 0;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #isQuiet(): boolean {
    const { inFlight, paused } = this.host;
    const waits = this.machine.asleep || !this.#isUp;
    return waits && inFlight === paused;
  }
}
