// Knows: whether the sources and repositories of one job can be used, and how the job is doing. Must not know: how any engine works.
import type { Job } from "../config/config.ts";
import { showCommand, showLineOn } from "../hosts/show-command.ts";
import type { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import type { PlacedSource, SourceState } from "../sources/source.ts";
import { failed, looked, notExamined, ok } from "./doctor-finding.ts";
import { isOverdue } from "./due.ts";
import { observeJob, type Observation, type ObservedRepository } from "./observe.ts";
import { hostOf, noLedger, openRepository, openSource, placedRepository } from "./open.ts";
import type { Program } from "./program.ts";

/** Examines the sources, the repositories and the history of a job. */
export async function examineJob(
  program: Program,
  job: Job,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  return await looked(`job ${job.name}`, async () => {
    const observation = await observeJob(program, job, { depth: "snapshots", signal });
    const repositories = [observation.repository, ...observation.copies].map(
      async (target) => await examineRepository(program, { target, observation }, signal),
    );
    return [
      ...examineSources(program, observation),
      ...(await examineFurther(program, observation, signal)),
      ...(await Promise.all(repositories)).flat(),
      ...examineHistory(program, job, observation),
    ];
  });
}

function examineSources(program: Program, observation: Observation): readonly Finding[] {
  const { job } = observation;
  return observation.sources.map((source, index): Finding => {
    const subject = `source ${source.label} of job ${job.name}`;
    const volume = job.sources[index]?.place.volume;
    if (source.state === "away") {
      return notExamined("source-away", subject, behind(volume, source.reason));
    }
    if (source.state === "attachable") {
      return ok("source", subject, `not examined: a run attaches volume ${volume} first`);
    }
    const { found } = source;
    if (found.kind === "ready" && !found.empty) return ok("source", subject, "is there");
    const hint = mendSource(program, { observation, index, found });
    if (found.kind === "ready") {
      return { code: "source-empty", severity: "warning", subject, message: "is empty", hint };
    }
    const code = found.kind === "missing" ? "source-missing" : "source-unreadable";
    return { code, severity: "error", subject, message: found.reason, hint };
  });
}

/** What kinds of source know to look at themselves. */
async function examineFurther(
  program: Program,
  { job, sources, volumes }: Observation,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const there = job.sources.filter((_, index) => sources[index]?.state === "seen");
  const findings = there.map(async (placed) => {
    const subject = `source ${placed.spec.label} of job ${job.name}`;
    return await looked(subject, async () => {
      const source = openSource(program, placed, { volumes, ledger: noLedger });
      return (await source.examine?.(signal)) ?? [];
    });
  });
  return (await Promise.all(findings)).flat();
}

function behind(volume: string | undefined, reason: string): string {
  return volume === undefined ? reason : `volume ${volume} is away`;
}

function mendSource(
  program: Program,
  asked: {
    readonly observation: Observation;
    readonly index: number;
    readonly found: SourceState;
  },
): string {
  const { job, volumes } = asked.observation;
  const source = job.sources[asked.index];
  if (source === undefined) return "see its configuration: holdfast config show";
  if (source.spec.repository === true) return fillFirst(program, source);
  const { paths } = openSource(program, source, { volumes, ledger: noLedger });
  const look = showCommand({ argv: ["ls", "-ld", "--", ...paths], effect: "reads" });
  const looking = showLineOn(hostOf(program, source.place), look);
  if (asked.found.kind === "unreadable")
    return `let this user read it; see who may with: ${looking}`;
  return `mount its disk, or correct \`sources\` of job ${job.name}; look with: ${looking}`;
}

/** The job that makes the snapshots that a source reads. */
function fillFirst(program: Program, { spec }: PlacedSource): string {
  const jobs = [...program.config.jobs.values()];
  const filling =
    jobs.find(({ repository }) => repository === spec.at) ??
    jobs.find(({ copies }) => copies.includes(spec.at));
  return filling === undefined
    ? `nothing backs up to repository ${spec.at}`
    : `holdfast run ${filling.name}`;
}

interface Examined {
  readonly target: ObservedRepository;
  readonly observation: Observation;
}

async function examineRepository(
  program: Program,
  examined: Examined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { target, observation } = examined;
  const subject = `repository ${target.name}`;
  const { volume } = placedRepository(program, target.name).place;
  if (target.state === "away") {
    return [notExamined("repository-away", subject, behind(volume, target.reason))];
  }
  if (target.state === "unlisted") {
    return [ok("repository", subject, `not examined: a run attaches volume ${volume} first`)];
  }
  const own = await looked(subject, async () => {
    const repository = openRepository(program, target.name, observation);
    return (await repository.examine?.(signal, keptHere(program, examined))) ?? [];
  });
  return [...examineAnswer(program, examined), ...own];
}

/** Where the sources are that come into this repository first, as far as they are there. */
function keptHere(program: Program, { target, observation }: Examined): readonly string[] {
  const { job, sources, volumes, repository } = observation;
  if (target !== repository) return [];
  const there = job.sources.filter((_, index) => sources[index]?.state === "seen");
  return there.flatMap(
    (placed) => openSource(program, placed, { volumes, ledger: noLedger }).paths,
  );
}

function examineAnswer(program: Program, { target, observation }: Examined): readonly Finding[] {
  const { job } = observation;
  const subject = `repository ${target.name}`;
  if ("error" in target) return [unanswered(program, { target, job })];
  if (target.unhealthy !== undefined) {
    const message = `its last check found damage: ${target.unhealthy}`;
    const hint = `repair it with its own tool, then: holdfast check ${job.name} --read-data`;
    return [{ code: "repository-damaged", severity: "error", subject, message, hint }];
  }
  if (target.state !== "listed") return [];
  const { length } = target.snapshots;
  return [ok("repository", subject, length === 1 ? "1 snapshot" : `${length} snapshots`)];
}

function unanswered(
  program: Program,
  {
    target,
    job,
  }: {
    readonly target: Extract<ObservedRepository, { readonly error: HoldfastError }>;
    readonly job: Job;
  },
): Finding {
  const subject = `repository ${target.name}`;
  // A machine of ours may be asleep. A service that does not answer is more often a mistake.
  const { remote } = hostOf(program, placedRepository(program, target.name).place);
  const finding = failed(subject, target.error, remote === undefined ? new Set() : undefined);
  const missing = finding.code === "repository-missing";
  return missing ? { ...finding, hint: `holdfast init ${job.name}` } : finding;
}

function examineHistory(
  program: Program,
  job: Job,
  { suspicious }: Observation,
): readonly Finding[] {
  const subject = `job ${job.name}`;
  const findings: Finding[] = [];
  if (suspicious.length > 0) {
    const message = `nothing is forgotten because a run was suspicious: ${suspicious.join("; ")}`;
    const hint = `look at its newest snapshot, then: holdfast accept ${job.name}`;
    findings.push({ code: "retention-frozen", severity: "warning", subject, message, hint });
  }
  if (isOverdue(program, job)) {
    const message = "has had no success for too long";
    const hint = `holdfast run ${job.name}; is the daemon running?`;
    findings.push({ code: "job-overdue", severity: "warning", subject, message, hint });
  }
  return findings;
}
