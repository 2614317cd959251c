// Values that tests of the pure code start from: whole and ordinary, to be changed where it matters.
import type { Job } from "../../src/config/config.ts";
import type { RunEnd, RunRecord } from "../../src/journal/journal.ts";
import type { Observation, ObservedRepository } from "../../src/jobs/observe.ts";
import type { JobResult } from "../../src/jobs/report.ts";
import type { Snapshot } from "../../src/kernel/snapshot.ts";

export const noon = new Date("2026-03-14T12:00:00Z");

export function aJob(changes: Partial<Job> = {}): Job {
  return {
    name: "documents",
    sources: [],
    repository: "disk",
    copies: [],
    selection: {
      exclude: [],
      excludeFiles: [],
      excludeIfPresent: [],
      ignoreCase: false,
      oneFileSystem: false,
    },
    reads: [],
    pruneEveryMs: 0,
    labels: [],
    hooks: { before: [], after: [], onFailure: [], timeoutMs: 60_000 },
    notify: [],
    retryMs: [],
    ...changes,
  };
}

export function anObservation(changes: Partial<Observation> = {}): Observation {
  return {
    job: aJob(),
    now: noon,
    volumes: new Map(),
    attachable: new Map(),
    sources: [{ label: "/home", state: "seen", found: { kind: "ready", empty: false } }],
    repository: { name: "disk", state: "unlisted" },
    copies: [],
    suspicious: [],
    ...changes,
  };
}

export function away(name: string): ObservedRepository {
  return { name, state: "away", reason: `volume "${name}" is not there`, hint: "plug it in" };
}

export function aSnapshot(id: string, time: string, changes: Partial<Snapshot> = {}): Snapshot {
  return {
    id,
    time: new Date(time),
    kind: "snapshot",
    labels: [],
    series: "documents",
    ...changes,
  };
}

export function aResult(changes: Partial<JobResult> = {}): JobResult {
  return {
    job: "documents",
    run: "20260314-120000-abc",
    outcome: "success",
    away: false,
    retriable: false,
    exitStatus: 0,
    snapshots: [],
    seconds: 1,
    ...changes,
  };
}

export function aRun(
  changes: Partial<Omit<RunRecord, "end">> & { readonly end?: Partial<RunEnd> } = {},
): RunRecord {
  const { end, ...rest } = changes;
  return {
    id: "20260314-110000-abc",
    job: "documents",
    trigger: "schedule",
    started: new Date("2026-03-14T11:00:00Z"),
    finished: new Date("2026-03-14T11:01:00Z"),
    ...rest,
    end: { outcome: "success", snapshots: [], suspicious: [], ...end },
  };
}
