// Knows: how all sources of a job are made safe to read at once. Must not know: what for.
import type { Job } from "../config/config.ts";
import type { Host } from "../hosts/host.ts";
import type { Evidence } from "../kernel/evidence.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { PreparedPaths, PreparedSource } from "../kernel/prepared-source.ts";
import { hostOf, openSource, type VolumePaths } from "./open.ts";
import type { Program } from "./program.ts";

/** Whose sources, and with what they are prepared. */
export interface SourcesToPrepare {
  readonly program: Program;
  readonly job: Job;
  readonly volumes: VolumePaths;
  readonly ledger: Ledger;
  readonly signal: AbortSignal;
}

/** Prepares all sources of the job and joins them, so that one snapshot holds them all. */
export async function prepareSources(
  asked: SourcesToPrepare,
  stack: AsyncDisposableStack,
): Promise<{
  readonly source: PreparedSource;
  readonly sourceHost: Host;
  readonly empty: readonly string[];
}> {
  const { program, job, volumes, ledger, signal } = asked;
  const [first] = job.sources;
  // All sources of a job are on one machine: that is checked when the configuration is loaded.
  const sourceHost = first === undefined ? program.hosts.here : hostOf(program, first.place);
  const prepared: PreparedPaths[] = [];
  const empty: string[] = [];
  for (const placed of job.sources) {
    const source = openSource(program, placed, { volumes, ledger });
    const found = await source.observe(signal);
    if (found.kind === "ready" && found.empty) empty.push(source.label);
    const ready = stack.use(await source.prepare(signal));
    // The only source of its job: that is checked when the configuration is loaded.
    if (ready.kind !== "paths") return { source: ready, sourceHost, empty };
    prepared.push(ready);
  }
  return { source: joined(prepared), sourceHost, empty };
}

function joined(sources: readonly PreparedPaths[]): PreparedPaths {
  const [first, ...others] = sources;
  const ends = sources.flatMap(({ until }) => until ?? []);
  const moments = sources.flatMap(({ asOf }) => asOf?.getTime() ?? []);
  return {
    kind: "paths",
    paths: sources.flatMap(({ paths }) => paths),
    // Several could have the same names as seen from roots of their own.
    ...(first?.root === undefined || others.length > 0 ? {} : { root: first.root }),
    ...(moments.length === 0 ? {} : { asOf: new Date(Math.min(...moments)) }),
    ...(ends.length === 0 ? {} : { until: AbortSignal.any(ends) }),
    evidence: () => total(sources.map((source) => source.evidence?.() ?? {})),
    async [Symbol.asyncDispose]() {
      // The stack releases each source; nothing more was taken here.
    },
  };
}

/** What several sources proved. They are prepared in turn, and released together. */
function total(all: readonly Evidence[]): Evidence {
  const notes = all.flatMap((each) => each.notes ?? []);
  return {
    ...sumOf("maintenanceSeconds", all),
    ...sumOf("dumpedBytes", all),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

function sumOf(key: "maintenanceSeconds" | "dumpedBytes", all: readonly Evidence[]): Evidence {
  const known = all.flatMap((each) => each[key] ?? []);
  return known.length === 0 ? {} : { [key]: known.reduce((sum, each) => sum + each, 0) };
}
