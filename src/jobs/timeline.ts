// Knows: how the snapshots of all engines become one timeline. Must not know: any engine.
import type { Job } from "../config/config.ts";
import type { JobIdentity, Repository } from "../engines/engine.ts";
import { exitStatusOf, HoldfastError } from "../kernel/errors.ts";
import { usingVolumes, type AttachVolume, type VolumeNews } from "./attachments.ts";
import { pinsFor } from "./holdings.ts";
import { configuredJob } from "./open.ts";
import { onlyLooking, type Program } from "./program.ts";
import { reachRepositories, type Reachable } from "./reach.ts";
import type { TimelineEntry, TimelineGap } from "./report.ts";
import { decide, rulesFor } from "./retain.ts";

/** A timeline, newest first, and the repositories that could not be asked. */
export interface Timeline {
  readonly entries: readonly TimelineEntry[];
  readonly gaps: readonly TimelineGap[];
}

/** How a timeline is made. */
export interface TimelineOptions {
  readonly signal: AbortSignal;
  /** Hears of volumes that are attached for it. Without it nothing is attached. */
  readonly tell?: (news: VolumeNews) => void;
}

/** Lists the snapshots of these jobs with what keeps each; with `find`, only those that hold a path. */
export async function timeline(
  program: Program,
  query: { readonly jobs: readonly string[]; readonly find?: string },
  { signal, tell }: TimelineOptions,
): Promise<Timeline> {
  const looking = onlyLooking(program);
  const list = async (attach?: AttachVolume): Promise<readonly Timeline[]> => {
    const options = { signal, ...(attach === undefined ? {} : { attach }) };
    return await Promise.all(
      query.jobs.map(async (name) => await timelineOf(looking, { ...query, name }, options)),
    );
  };
  const parts =
    tell === undefined
      ? await list()
      : await usingVolumes(program, { purpose: "a list of snapshots", tell }, list);
  const entries = parts.flatMap((part) => part.entries);
  return {
    entries: entries.toSorted((a, b) => b.time.getTime() - a.time.getTime()),
    gaps: parts.flatMap(({ gaps }) => gaps),
  };
}

async function timelineOf(
  program: Program,
  query: { readonly name: string; readonly find?: string },
  options: { readonly signal: AbortSignal; readonly attach?: AttachVolume },
): Promise<Timeline> {
  const job = configuredJob(program, query.name);
  const { signal } = options;
  const { identity, repositories } = await reachRepositories(program, job, options);
  const parts = await Promise.all(
    repositories.map(async ({ name, open }): Promise<Timeline> => {
      try {
        const question = { job, identity, repository: await open(signal), find: query.find };
        return { entries: await entriesOf(program, question, signal), gaps: [] };
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
        return { entries: [], gaps: [gap(job, name, error)] };
      }
    }),
  );
  return {
    entries: parts.flatMap(({ entries }) => entries),
    gaps: parts.flatMap(({ gaps }) => gaps),
  };
}

function gap(job: Job, repository: Reachable["name"], error: HoldfastError): TimelineGap {
  const { code, message, hint } = error;
  return {
    job: job.name,
    repository,
    code,
    message,
    exitStatus: exitStatusOf(error),
    away: code === "volume-away",
    ...(hint === undefined ? {} : { hint }),
  };
}

interface EntriesQuestion {
  readonly job: Job;
  readonly identity: JobIdentity;
  readonly repository: Repository;
  readonly find: string | undefined;
}

async function entriesOf(
  program: Program,
  question: EntriesQuestion,
  signal: AbortSignal,
): Promise<readonly TimelineEntry[]> {
  const { job, identity, repository, find } = question;
  const snapshots = await repository.snapshots(identity, signal);
  const verified = program.journal.verified(repository.name);
  const rules = rulesFor(program, job, repository.name);
  const pins = pinsFor(program, { job, repository }, snapshots);
  const decisions = decide({ snapshots, rules, verified, pins, now: program.now() });
  const found =
    find === undefined
      ? undefined
      : Map.groupBy(await repository.find(find, snapshots, signal), ({ snapshot }) => snapshot);

  return decisions.flatMap(({ snapshot, keep }) => {
    const { id, time, kind, base, labels, bytes, files } = snapshot;
    const hits = found?.get(id)?.map(({ path }) => path);
    if (found !== undefined && hits === undefined) return [];
    const proven = verified.get(id);
    return {
      id,
      job: job.name,
      repository: repository.name,
      engine: repository.engine,
      time,
      kind,
      labels,
      keep,
      ...(base === undefined ? {} : { base }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(files === undefined ? {} : { files }),
      ...(proven === undefined ? {} : { verified: proven }),
      ...(hits === undefined ? {} : { found: hits }),
    };
  });
}
