// Knows: how much of a configuration can be understood, even when some of it is wrong. Must not know: what its parts refer to.
import type * as z from "zod";
import { AnyRepository } from "../engines/index.ts";
import type { RepositorySpec } from "../engines/engine.ts";
import { AnyNotifier } from "../notifiers/index.ts";
import type { NotifierSpec } from "../notifiers/notifier.ts";
import { AnySource } from "../sources/index.ts";
import type { SourceSpec } from "../sources/source.ts";
import { AnyVolume } from "../volumes/index.ts";
import type { HostSpec } from "../hosts/hosts.ts";
import { AnyHost } from "../hosts/ssh/index.ts";
import type { VolumeSpec } from "../volumes/volume.ts";
import type { Problem } from "./problem.ts";
import { inOurWords, schemaProblems } from "./schema-problem.ts";
import { ConfigFile, JobEntry } from "./schema.ts";

/** A part that is understood as a whole, or of which no more than one text is. */
export type Understood<Spec, Key extends keyof Spec> = {
  readonly [Name in keyof Spec]?: Spec[Name] | undefined;
} & { readonly [Name in Key]: Spec[Name] | undefined };

/**
 * What is understood of a file. Of a part that is wrong, only what can be relied on is there, so
 * that one mistake does not hide another.
 */
export interface Draft {
  readonly state: string | undefined;
  readonly concurrency: number;
  readonly hosts: ReadonlyMap<string, Understood<HostSpec, never>>;
  readonly volumes: ReadonlyMap<string, Understood<VolumeSpec, never>>;
  readonly repositories: ReadonlyMap<string, Understood<RepositorySpec, "at">>;
  readonly jobs: ReadonlyMap<string, JobPart>;
  readonly notifiers: ReadonlyMap<string, Understood<NotifierSpec, never>>;
}

const JobKeys = JobEntry.partial().omit({ sources: true });

/** Those keys of a job that are understood, and those of its sources. */
export type JobPart = z.output<typeof JobKeys> & {
  readonly sources?: readonly (SourceSpec | undefined)[];
};

/** A draft without gaps. */
export interface WholeDraft extends Draft {
  readonly hosts: ReadonlyMap<string, HostSpec>;
  readonly volumes: ReadonlyMap<string, VolumeSpec>;
  readonly repositories: ReadonlyMap<string, RepositorySpec>;
  readonly jobs: ReadonlyMap<string, JobEntry>;
  readonly notifiers: ReadonlyMap<string, NotifierSpec>;
}

/** A file as the schema reads it: whole, or as far as it can be understood with what is wrong. */
export type ReadDraft =
  | { readonly whole: true; readonly draft: WholeDraft }
  | { readonly whole: false; readonly draft: Draft; readonly problems: readonly Problem[] };

/** Applies the schema to the plain data of a file. */
export function readDraft(value: unknown): ReadDraft {
  const parsed = ConfigFile.safeParse(value, { error: inOurWords });
  if (parsed.success) {
    const { state, concurrency, hosts, volumes, repositories, jobs, notifiers } = parsed.data;
    return {
      whole: true,
      draft: {
        state,
        concurrency,
        hosts: new Map(Object.entries(hosts)),
        volumes: new Map(Object.entries(volumes)),
        repositories: new Map(Object.entries(repositories)),
        jobs: new Map(Object.entries(jobs)),
        notifiers: new Map(Object.entries(notifiers)),
      },
    };
  }
  return {
    whole: false,
    draft: partsOf(value),
    problems: schemaProblems(parsed.error.issues, { schema: ConfigFile, value }),
  };
}

function partsOf(value: unknown): Draft {
  return {
    state: undefined,
    concurrency: 1,
    hosts: entriesOf(value, "hosts", (entry) => AnyHost.safeParse(entry).data ?? {}),
    volumes: entriesOf(
      value,
      "volumes",
      (entry) => AnyVolume.safeParse(entry).data ?? placed(entry),
    ),
    repositories: entriesOf(
      value,
      "repositories",
      (entry) => AnyRepository.safeParse(entry).data ?? { at: textOf(entry, "at") },
    ),
    jobs: entriesOf(value, "jobs", understoodKeys),
    notifiers: entriesOf(value, "notifiers", (entry) => AnyNotifier.safeParse(entry).data ?? {}),
  };
}

function entriesOf<Entry>(
  file: unknown,
  section: string,
  read: (entry: unknown) => Entry,
): ReadonlyMap<string, Entry> {
  const entries: unknown = isMap(file) ? file[section] : undefined;
  if (!isMap(entries)) return new Map();
  return new Map(Object.entries(entries).map(([name, entry]) => [name, read(entry)]));
}

/** What is understood of a volume that is wrong somewhere. */
function placed(entry: unknown): Understood<VolumeSpec, never> {
  const [path, host] = [textOf(entry, "path"), textOf(entry, "host")];
  return {
    ...(path === undefined ? {} : { path }),
    ...(host === undefined ? {} : { host }),
  };
}

function textOf(entry: unknown, key: string): string | undefined {
  const text: unknown = isMap(entry) ? entry[key] : undefined;
  return typeof text === "string" ? text : undefined;
}

function understoodKeys(entry: unknown): JobPart {
  if (!isMap(entry)) return {};
  const known = Object.entries(entry).filter(([key, value]) => {
    const schema: unknown = Object.hasOwn(JobKeys.shape, key)
      ? Reflect.get(JobKeys.shape, key)
      : {};
    return isSchema(schema) && schema.safeParse(value).success;
  });
  const { sources } = entry;
  return {
    ...JobKeys.safeParse(Object.fromEntries(known)).data,
    ...(Array.isArray(sources)
      ? { sources: sources.map((source) => AnySource.safeParse(source).data) }
      : {}),
  };
}

function isSchema(value: unknown): value is z.ZodType {
  return typeof value === "object" && value !== null && "safeParse" in value;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
