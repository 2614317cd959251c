// Knows: every precondition of a run, and the command that mends each. Must not know: how any engine works.
import type { Job } from "../config/config.ts";
import { secretFindings } from "../config/secrets.ts";
import type { ToolRequirement } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/size.ts";
import {
  observeJob,
  observeVolumes,
  type ObservedRepository,
  type Observation,
} from "./observe.ts";
import { configuredJob, noLedger, openVolume, placedRepository, repositoriesOf } from "./open.ts";
import { onlyLooking, type Program } from "./program.ts";
import type { Finding } from "../kernel/finding.ts";
import { isOverdue } from "./due.ts";

/** Below this much free space on a volume a backup is about to fail. */
const littleSpaceBytes = 500_000_000;

/** Examines all that these jobs need. Reads only. Findings come in the order in which to mend them. */
export async function examine(
  program: Program,
  jobs: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const looking = onlyLooking(program);
  const configured = jobs.map((name) => configuredJob(program, name));
  const tools = await Promise.all(
    toolsOf(program, configured).map(async (need) => await examineTool(looking, need, signal)),
  );
  const each = await Promise.all(
    configured.map(async (job) => await examineJob(looking, job, signal)),
  );
  return unique([
    ...examineConfiguration(program),
    ...(await secretFindings(program.config)),
    ...tools,
    ...examineLeftovers(program),
    ...each.flat(),
  ]);
}

function unique(findings: readonly Finding[]): readonly Finding[] {
  const byText = new Map(
    findings.map((finding) => [`${finding.code} ${finding.subject} ${finding.message}`, finding]),
  );
  return [...byText.values()];
}

function examineConfiguration({ config }: Program): readonly Finding[] {
  if (config.warnings.length === 0) {
    return [ok("config", config.file, "the configuration is valid")];
  }
  return config.warnings.map(({ message, hint }) => ({
    code: "config-warning",
    severity: "warning",
    subject: config.file,
    message,
    ...(hint === undefined ? {} : { hint }),
  }));
}

function toolsOf(program: Program, jobs: readonly Job[]): readonly ToolRequirement[] {
  const needs = jobs
    .flatMap(repositoriesOf)
    .flatMap((name) => placedRepository(program, name).spec.needs);
  return [...new Map(needs.map((need) => [need.tool, need])).values()];
}

async function examineTool(
  program: Program,
  need: ToolRequirement,
  signal: AbortSignal,
): Promise<Finding> {
  const { tool, versionArguments, minimum } = need;
  const install = { hint: `sudo apt-get install ${need.package}` };
  try {
    const command = { argv: [tool, ...versionArguments], effect: "reads" } as const;
    const { stdout } = await program.hosts.here.run(command, signal);
    const version = /\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? "unknown";
    if (minimum !== undefined && isOlder(version, minimum)) {
      const message = `${tool} is version ${version}; at least ${minimum} is needed`;
      return { code: "tool-too-old", severity: "error", subject: tool, message, ...install };
    }
    return ok("tool", tool, `version ${version}`);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { code, message } = error;
    return { code, severity: "error", subject: tool, message, ...install };
  }
}

/** Compares versions number by number. What is not a number counts as oldest. */
function isOlder(version: string, minimum: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of minimum.split(".").map(Number).entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return !(part > wanted);
  }
  return false;
}

function examineLeftovers({ journal }: Program): readonly Finding[] {
  const dead = journal.deadRuns().map(({ id, job }) => `run ${id} of ${job} was interrupted`);
  const owed = journal.openPromises().map(({ entry }) => `not undone yet: ${entry.subject}`);
  return [...dead, ...owed].map((message) => ({
    code: "run-interrupted",
    severity: "warning",
    subject: "journal",
    message,
    hint: "holdfast recover",
  }));
}

async function examineJob(
  program: Program,
  job: Job,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const observation = await observeJob(program, job, { depth: "snapshots", signal });
  return [
    ...(await examineVolumes(program, job, signal)),
    ...examineSources(observation),
    ...[observation.repository, ...observation.copies].flatMap((each) =>
      examineRepository(each, job),
    ),
    ...examineHistory(program, job, observation),
  ];
}

async function examineVolumes(
  program: Program,
  job: Job,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const states = await observeVolumes(program, job, signal);
  const each = await Promise.all(
    [...states].map(async ([name, state]): Promise<readonly Finding[]> => {
      const subject = `volume ${name}`;
      if (state.kind !== "mounted")
        return await openVolume(program, name, noLedger).examine(signal);
      const free = `${formatSize(state.freeBytes)} free`;
      if (state.freeBytes >= littleSpaceBytes) return [ok("volume", subject, free)];
      const hint = `holdfast forget ${job.name} && holdfast prune ${job.name}, or make room at ${state.path}`;
      return [{ code: "space-low", severity: "warning", subject, message: `only ${free}`, hint }];
    }),
  );
  return each.flat();
}

function examineSources({ sources, job }: Observation): readonly Finding[] {
  return sources.map((source): Finding => {
    const subject = `source ${source.label} of job ${job.name}`;
    if (source.state === "away") {
      return { code: "source-away", severity: "away", subject, message: source.reason };
    }
    if (source.state === "attachable")
      return ok("source", subject, "is on a volume that a run attaches");
    const { found } = source;
    if (found.kind !== "ready") {
      const code = found.kind === "missing" ? "source-missing" : "source-unreadable";
      const hint = "mount its disk, or correct its path or permissions";
      return { code, severity: "error", subject, message: found.reason, hint };
    }
    if (!found.empty) return ok("source", subject, "is there");
    const hint = "if its disk is not mounted, mount it";
    return { code: "source-empty", severity: "warning", subject, message: "is empty", hint };
  });
}

function examineRepository(target: ObservedRepository, job: Job): readonly Finding[] {
  const subject = `repository ${target.name}`;
  switch (target.state) {
    case "away":
      return [{ code: "repository-away", severity: "away", subject, message: target.reason }];
    case "missing":
    case "failed": {
      const { code, message, hint } = target.error;
      const mend = code === "repository-missing" ? `holdfast init ${job.name}` : hint;
      return [
        {
          code,
          severity: "error",
          subject,
          message,
          ...(mend === undefined ? {} : { hint: mend }),
        },
      ];
    }
    case "unlisted":
      return [];
    case "listed": {
      if (target.unhealthy === undefined) {
        const { length } = target.snapshots;
        return [ok("repository", subject, length === 1 ? "1 snapshot" : `${length} snapshots`)];
      }
      const message = `its last check found damage: ${target.unhealthy}`;
      const hint = `repair it with its own tool, then: holdfast check ${job.name} --read-data`;
      return [{ code: "repository-damaged", severity: "error", subject, message, hint }];
    }
  }
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

function ok(code: string, subject: string, message: string): Finding {
  return { code, severity: "ok", subject, message };
}
