// Jobs that read each other's repositories, on an engine that keeps its snapshots in memory.
import type { Job } from "../../src/config/config.ts";
import type { BackupRequest, Repository, RepositorySpec } from "../../src/engines/engine.ts";
import { HoldfastError } from "../../src/kernel/errors.ts";
import type { PreparedPaths } from "../../src/kernel/prepared-source.ts";
import type { Snapshot } from "../../src/kernel/snapshot.ts";
import { repository as repositorySource } from "../../src/sources/repository/index.ts";
import type { PlacedSource } from "../../src/sources/source.ts";
import { aJob, noon } from "./fixtures.ts";
import { aProgram, type TestProgram } from "./program.ts";

/** What happens to the repositories of a chain, and what is in them. */
export interface ChainStore {
  /** One line for each backup as it begins: the job and what it reads. */
  readonly log: string[];
  readonly snapshots: Map<string, Snapshot[]>;
  /** Repositories to which nothing can be backed up. */
  readonly failing: Set<string>;
  /** What a backup to a repository waits for. */
  readonly gates: Map<string, Promise<void>>;
  /** Hears of each line of the log. */
  heard: (line: string) => void;
}

/** A job of a chain: the repository it writes to, which has its name, and those it reads. */
export interface Link {
  readonly name: string;
  readonly reads?: readonly string[];
  readonly changes?: Partial<Job>;
}

export interface TestChain extends TestProgram {
  readonly store: ChainStore;
}

/** A program with one job for each link. One that reads nothing has a source of its own. */
export async function aChain(links: readonly Link[]): Promise<TestChain> {
  const store: ChainStore = {
    log: [],
    snapshots: new Map(),
    failing: new Set(),
    gates: new Map(),
    heard() {
      // Nobody listens yet.
    },
  };
  const repositories = new Map(
    links.map(({ name }) => {
      const place = { path: `service:${name}` };
      return [name, { name, place, spec: pretendedSpec(name, store) }];
    }),
  );
  const jobs = links.map(jobOf);
  const opened = await aProgram({ jobs, now: noon, config: { repositories, concurrency: 4 } });
  return Object.assign(opened, { store });
}

function jobOf({ name, reads = [], changes }: Link): Job {
  const read = reads.map((each): PlacedSource => ({
    spec: repositorySource.parse({ repository: each }),
    place: { path: `service:${each}` },
  }));
  const sources = reads.length === 0 ? [ownSource(name)] : read;
  return aJob({ name, repository: name, reads, sources, ...changes });
}

function ownSource(name: string): PlacedSource {
  const path = `/data/${name}`;
  const prepared: PreparedPaths = { kind: "paths", paths: [path], [Symbol.asyncDispose]: done };
  const source = {
    label: path,
    paths: [path],
    observe: async () => await Promise.resolve({ kind: "ready", empty: false } as const),
    prepare: async () => await Promise.resolve(prepared),
  };
  return { spec: { kind: "paths", label: path, at: path, open: () => source }, place: { path } };
}

async function done(): Promise<void> {
  // It is all in memory.
}

function pretendedSpec(name: string, store: ChainStore): RepositorySpec {
  return {
    engine: "pretended",
    at: `service:${name}`,
    accepts: new Set(["paths"]),
    needs: [],
    onOtherHosts: false,
    readsOtherHosts: false,
    browsable: true,
    lacks: [],
    open: () => pretendedRepository(name, store),
  };
}

function pretendedRepository(name: string, store: ChainStore): Repository {
  const kept = (): Snapshot[] => {
    const known = store.snapshots.get(name) ?? [];
    store.snapshots.set(name, known);
    return known;
  };
  return {
    name,
    engine: "pretended",
    location: `service:${name}`,
    exists: async () => await Promise.resolve(true),
    init: done,
    backup: async (request) => {
      const line = `${request.job} reads ${pathsOf(request)}`;
      store.log.push(line);
      store.heard(line);
      await store.gates.get(name);
      if (store.failing.has(name)) throw new HoldfastError("command-failed", "the tool failed");
      const snapshots = kept();
      const snapshot = snapshotOf(`${name}-${snapshots.length + 1}`, request.job);
      snapshots.push(snapshot);
      return {
        snapshots: [snapshot],
        after: [...snapshots],
        evidence: { files: 1, bytes: 1, listed: true },
      };
    },
    copy: async () => await Promise.resolve({ copied: [], after: [], evidence: {} }),
    snapshots: async () => await Promise.resolve([...kept()]),
    series: ({ name: job }) => [job],
    missing: () => [],
    find: async () => await Promise.resolve([]),
    forget: done,
    prune: async () => await Promise.resolve({}),
    check: async () => await Promise.resolve({ problems: [] }),
    restore: async () => await Promise.resolve({ problems: [] }),
    browse: ({ id }) => `/snapshots/${id}`,
    preview: () => [],
  };
}

function pathsOf({ source }: BackupRequest): string {
  if (source.kind === "objects") return source.store;
  return source.kind === "paths" ? source.paths.join(", ") : source.path;
}

function snapshotOf(id: string, series: string): Snapshot {
  return { id, time: noon, kind: "snapshot", labels: [], series };
}
