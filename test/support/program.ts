// A program around a real journal in a folder of its own, with a clock that tests set.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config, Job } from "../../src/config/config.ts";
import type { Host } from "../../src/hosts/host.ts";
import { anywhere, type Hosts, openHosts } from "../../src/hosts/hosts.ts";
import type { Program } from "../../src/jobs/program.ts";
import { openJournal } from "../../src/journal/open.ts";

/** A clock that stands still until it is set. */
export interface Clock {
  now: Date;
}

export interface TestProgram extends AsyncDisposable {
  readonly program: Program;
  readonly clock: Clock;
}

/** Stands for a host where a test is about something that must not run anything. */
const noHost: Host = {
  name: "nowhere",
  reach: async () => await Promise.reject(unexpected("a connection")),
  run: async (command) => await Promise.reject(unexpected(command.argv.join(" "))),
  pipe: async () => await Promise.reject(unexpected("a pipeline")),
  inspect: async (paths) => await Promise.reject(unexpected(`a look at ${paths.join(", ")}`)),
  scratch: async () => await Promise.reject(unexpected("a scratch directory")),
};

function unexpected(what: string): Error {
  return new Error(`nothing should be run here: ${what}`);
}

/** Hosts of a configuration that has no other machine. */
export function justHere(here: Host): Hosts {
  return openHosts({ here, specs: new Map(), choice: anywhere });
}

/** A program with these jobs and nothing else configured, unless `config` says so. */
export async function aProgram(options: {
  readonly jobs: readonly Job[];
  readonly now: Date;
  readonly config?: Partial<Config>;
  readonly host?: Host;
}): Promise<TestProgram> {
  const state = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  const clock: Clock = { now: options.now };
  const journal = openJournal(state, { now: () => clock.now });
  const config: Config = {
    file: join(state, "holdfast.yaml"),
    state,
    concurrency: 2,
    hosts: new Map(),
    volumes: new Map(),
    repositories: new Map(),
    jobs: new Map(options.jobs.map((job) => [job.name, job])),
    notifiers: new Map(),
    warnings: [],
    secretVariables: [],
    ...options.config,
  };
  return {
    clock,
    program: {
      config,
      journal,
      hosts: justHere(options.host ?? noHost),
      secret: async () => await Promise.reject(unexpected("a secret")),
      now: () => clock.now,
    },
    async [Symbol.asyncDispose]() {
      journal[Symbol.dispose]();
      await rm(state, { recursive: true, force: true });
    },
  };
}
