// Knows: the part of a configuration that `status` needs, as plain data. Must not know: schemas: loading them takes longer than the rest of `status`.
import type { Place } from "../kernel/place.ts";
import type { Schedule } from "../policy/schedule.ts";
import { localVolume } from "../volumes/local-volume.ts";
import type { Config, ConfigWarning, Job, PlacedRepository } from "./config.ts";

/** What is kept of a configuration. Nothing in it is secret, and all of it survives JSON. */
export interface Outline {
  readonly file: string;
  readonly state: string;
  readonly concurrency: number;
  readonly warnings: readonly ConfigWarning[];
  readonly volumes: Readonly<Record<string, { readonly path: string; readonly marker: boolean }>>;
  readonly repositories: Readonly<Record<string, Place>>;
  readonly jobs: Readonly<Record<string, JobOutline>>;
}

interface JobOutline {
  readonly places: readonly Place[];
  readonly disabled?: true;
  readonly reads: readonly string[];
  readonly repository: string;
  readonly copies: readonly string[];
  readonly retryMs: readonly number[];
  readonly schedule?: Schedule;
  readonly overdueAfterMs?: number;
}

/** Only volumes that are plain folders of this machine can be looked at without more than an outline. */
export function canBeOutlined({ volumes }: Config): boolean {
  return volumes.values().every(({ host, device }) => host === undefined && device === undefined);
}

/** The outline of a configuration that can be outlined. */
export function outlineOf(config: Config): Outline {
  const { file, state, concurrency, warnings } = config;
  return {
    file,
    state,
    concurrency,
    warnings,
    volumes: mapped(config.volumes, ({ path = "", marker }) => ({ path, marker })),
    repositories: mapped(config.repositories, ({ place }) => place),
    jobs: mapped(config.jobs, jobOutline),
  };
}

function jobOutline(job: Job): JobOutline {
  const { sources, disabled, reads, repository, copies, retryMs, schedule, overdueAfterMs } = job;
  return {
    places: sources.map(({ place }) => place),
    ...(disabled === undefined ? {} : { disabled }),
    reads,
    repository,
    copies,
    retryMs,
    ...(schedule === undefined ? {} : { schedule }),
    ...(overdueAfterMs === undefined ? {} : { overdueAfterMs }),
  };
}

function mapped<In, Out>(all: ReadonlyMap<string, In>, change: (value: In) => Out) {
  return Object.fromEntries([...all].map(([name, value]) => [name, change(value)]));
}

/**
 * A configuration to look at: its jobs, when they are due, where their repositories and volumes
 * are. Whoever asks it for more, or opens a repository, is told by an exception that it is not there.
 */
export function configOfOutline(outline: Outline): Config {
  const { file, state, concurrency, warnings } = outline;
  const { volumes, repositories, jobs } = outline;
  return {
    file,
    state,
    concurrency,
    warnings,
    hosts: new Map(),
    volumes: new Map(Object.entries(volumes).map(([name, place]) => [name, localVolume(place)])),
    repositories: new Map(
      Object.entries(repositories).map(([name, place]) => [name, outlinedRepository(name, place)]),
    ),
    jobs: new Map(Object.entries(jobs).map(([name, job]) => [name, outlinedJob(name, job)])),
    get notifiers() {
      return absent("notifiers");
    },
    get secretVariables() {
      return absent("secretVariables");
    },
  };
}

function outlinedRepository(name: string, place: Place): PlacedRepository {
  return {
    name,
    place,
    get spec() {
      return absent(`repository ${name}`);
    },
  };
}

function outlinedJob(name: string, { places, ...job }: JobOutline): Job {
  return {
    ...job,
    name,
    sources: places.map((place) => ({
      place,
      get spec() {
        return absent(`a source of ${name}`);
      },
    })),
    get selection() {
      return absent(`selection of ${name}`);
    },
    get pruneEveryMs() {
      return absent(`pruneEveryMs of ${name}`);
    },
    get labels() {
      return absent(`labels of ${name}`);
    },
    get hooks() {
      return absent(`hooks of ${name}`);
    },
    get notify() {
      return absent(`notify of ${name}`);
    },
  };
}

function absent(what: string): never {
  throw new Error(`${what} is not in the outline of a configuration`);
}
