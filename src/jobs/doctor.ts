// Knows: every precondition of a run, and the order in which they are looked at. Must not know: how any engine works.
import type { Job } from "../config/config.ts";
import { secretFindings } from "../config/secrets.ts";
import type { Finding } from "../kernel/finding.ts";
import { ok } from "./doctor-finding.ts";
import { examineJob } from "./doctor-job.ts";
import { examineHosts, examineVolumes, lookingOnce } from "./doctor-places.ts";
import { examineSecrets } from "./doctor-secrets.ts";
import { examineTools, toolsNeeded } from "./doctor-tools.ts";
import { configuredJob } from "./open.ts";
import { onlyLooking, type Program } from "./program.ts";
import { volumesOfJobs } from "./run-volumes.ts";

/**
 * Examines all that these jobs need, everything once however many of them need it. Reads only.
 * Findings come in the order in which to mend them. What lies behind something that is away is said
 * not to have been examined.
 */
export async function examine(
  program: Program,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const all = names.map((name) => configuredJob(program, name));
  const jobs = all.filter(({ disabled }) => disabled !== true);
  const volumes = volumesOfJobs(
    program,
    jobs.map(({ name }) => name),
  );
  const hosts = await examineHosts(onlyLooking(program), volumes, signal);
  const looking = lookingOnce(onlyLooking(program), hosts.away);

  const tools = toolsNeeded(looking, jobs, hosts.away).map(
    async (ofHost) => await examineTools(ofHost, signal),
  );
  const [places, found, secrets, each] = await Promise.all([
    examineVolumes(looking, volumes, signal),
    Promise.all(tools),
    examineSecrets(looking, { jobs, volumes }, signal),
    Promise.all(jobs.map(async (job) => await examineJob(looking, job, signal))),
  ]);
  const causes = [...found.flat(), ...secrets];
  return unique([
    ...examineConfiguration(program),
    ...hosts.findings,
    ...places,
    ...found.flat(),
    ...(await secretFindings(program.config)),
    ...secrets,
    ...examineLeftovers(program),
    ...withoutEchoes(each.flat(), causes),
    ...all.filter((job) => !jobs.includes(job)).map(resting),
  ]);
}

/** What a missing tool or secret makes fail elsewhere is no second thing to mend. */
function withoutEchoes(
  findings: readonly Finding[],
  causes: readonly Finding[],
): readonly Finding[] {
  const told = new Set(causes.map(({ code, message }) => `${code} ${message}`));
  return findings.filter(
    ({ code, message }) =>
      !(code === "secret-unavailable" || code === "tool-missing") ||
      !told.has(`${code} ${message}`),
  );
}

/** Two jobs may have one thing in common. */
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

function resting({ name }: Job): Finding {
  const message = "is disabled: it never runs, and nothing of it was examined";
  const hint = `say \`enabled: true\` for job ${name} in the configuration`;
  return { code: "job-disabled", severity: "away", subject: `job ${name}`, message, hint };
}
