// Knows: a folder with a tree, repositories and a loaded configuration, for tests of what jobs do with real tools. Must not know: what is tested.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { secretResolver } from "../../src/config/secrets.ts";
import { anywhere, openHosts } from "../../src/hosts/hosts.ts";
import { localHost } from "../../src/hosts/local.ts";
import type { RunEvent, StampedEvent } from "../../src/jobs/event.ts";
import { verbs, type Program, type RunRequest, type Verb } from "../../src/jobs/program.ts";
import type { JobResult } from "../../src/jobs/report.ts";
import { runJobs } from "../../src/jobs/run-jobs.ts";
import { openJournal } from "../../src/journal/open.ts";
import { writeTree } from "./backup-user.ts";

/** A folder of its own, with everything in it that a program works on. */
export class Workplace implements AsyncDisposable {
  readonly folder: string;
  readonly program: Program;
  readonly events: StampedEvent[] = [];
  /** Time passes only when a test says so; `undefined` is the real time. */
  now: Date | undefined;

  private constructor(folder: string, program: Program) {
    this.folder = folder;
    this.program = { ...program, now: () => this.now ?? new Date() };
  }

  /**
   * Writes a tree to `data` and a configuration, and loads it. In its texts `FOLDER` stands for the
   * folder; every repository without a password gets one.
   */
  static async open(configuration: object): Promise<Workplace> {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-jobs-"));
    await writeFile(join(folder, "password"), "an ordinary password", { mode: 0o600 });
    await writeTree(join(folder, "data"), { letter: "Dear reader", "photos/one": "a photo" });
    await mkdir(join(folder, "usb"));
    const file = join(folder, "holdfast.yaml");
    const text = JSON.stringify({ state: "FOLDER/state", ...configuration });
    await writeFile(file, text.replaceAll("FOLDER", folder), { mode: 0o600 });
    const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
    const config = await loadConfig({ file, env, home: folder });
    const here = localHost({ env });
    const hosts = openHosts({ here, specs: config.hosts, choice: anywhere });
    const secret = secretResolver(here, env);
    const journal = openJournal(config.state);
    return new Workplace(folder, { config, journal, hosts, secret, now: () => new Date() });
  }

  at(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  request(changes: Partial<RunRequest> = {}): RunRequest {
    return {
      jobs: [...this.program.config.jobs.keys()],
      verbs: new Set<Verb>(verbs),
      trigger: "command",
      labels: [],
      full: false,
      allowDeletions: false,
      ...changes,
    };
  }

  /** Runs jobs, all of them unless the request names some. */
  async run(changes: Partial<RunRequest> = {}): Promise<readonly JobResult[]> {
    const listener = (event: StampedEvent): void => void this.events.push(event);
    const signal = new AbortController().signal;
    return await runJobs(this.program, this.request(changes), { signal, listener });
  }

  /** Runs the only job. */
  async runOne(changes: Partial<RunRequest> = {}): Promise<JobResult> {
    const [result] = await this.run(changes);
    if (result === undefined) throw new Error("no job ran");
    return result;
  }

  /** All events of one kind so far. */
  heard<Kind extends RunEvent["event"]>(kind: Kind): readonly Extract<RunEvent, { event: Kind }>[] {
    return this.events.flatMap(({ event }) => (isKind(event, kind) ? [event] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.hosts[Symbol.asyncDispose]();
    this.program.journal[Symbol.dispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function isKind<Kind extends RunEvent["event"]>(
  event: RunEvent,
  kind: Kind,
): event is Extract<RunEvent, { event: Kind }> {
  return event.event === kind;
}
