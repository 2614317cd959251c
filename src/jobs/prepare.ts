// Knows: how all sources of a job are made safe to read at once. Must not know: what for.
import type { Job } from "../config/config.ts";
import type { Host } from "../hosts/host.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { PreparedSource } from "../kernel/prepared-source.ts";
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
  const paths: string[] = [];
  const empty: string[] = [];
  for (const placed of job.sources) {
    const source = openSource(program, placed, { volumes, ledger });
    const found = await source.observe(signal);
    if (found.kind === "ready" && found.empty) empty.push(source.label);
    const prepared = stack.use(await source.prepare(signal));
    // The only source of its job: that is checked when the configuration is loaded.
    if (prepared.kind !== "paths") return { source: prepared, sourceHost, empty };
    paths.push(...prepared.paths);
  }
  const source: PreparedSource = {
    kind: "paths",
    paths,
    async [Symbol.asyncDispose]() {
      // The stack releases each source; nothing more was taken here.
    },
  };
  return { source, sourceHost, empty };
}
