// Knows: how each verb of a run is carried out. Must not know: which come, in what order, and what a failure means for the run.
import type { Host } from "../hosts/host.ts";
import type { PreparedSource } from "../kernel/prepared-source.ts";
import type { Evidence } from "../kernel/evidence.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { noteCheck } from "./health.ts";
import { hostOf, openSource, placedRepository } from "./open.ts";
import type { Verb } from "./program.ts";
import { decide, dropped, rulesFor } from "./retain.ts";
import { judge } from "./verdict.ts";
import { listing, noteListing, repositoryIn, workFor, type Undertaking } from "./undertaking.ts";

/** What a step says of itself when it is done; goes into its event. */
type StepResult = Readonly<globalThis.Record<string, unknown>>;

/** Carries out one verb on one repository. Throws what the engine throws. */
export async function carryOut(
  undertaking: Undertaking,
  verb: Verb,
  repository: string,
): Promise<StepResult> {
  switch (verb) {
    case "backup":
      return await backUp(undertaking, repository);
    case "copy":
      return await copy(undertaking, repository);
    case "forget":
      return await forget(undertaking, repository);
    case "prune":
      return await prune(undertaking, repository);
    case "check":
      return await check(undertaking, repository);
  }
}

async function backUp(undertaking: Undertaking, name: string): Promise<StepResult> {
  const { program, plan, request, soFar } = undertaking;
  const { job } = plan;
  await using prepared = new AsyncDisposableStack();
  const { source, sourceHost, empty } = await prepareSources(undertaking, prepared);

  const started = program.now();
  const result = await repositoryIn(undertaking, name).backup(
    {
      job: job.name,
      source,
      selection: job.selection,
      labels: [...job.labels, ...request.labels],
      full: request.full,
      allowDeletions: request.allowDeletions,
      sourceHost,
    },
    workFor(undertaking, "backup"),
  );
  noteListing(undertaking, name, result.after);

  const evidence: Evidence = {
    seconds: (program.now().getTime() - started.getTime()) / 1000,
    ...result.evidence,
    ...(empty.length === 0 ? {} : { emptySources: empty }),
  };
  soFar.evidence = evidence;
  const ids = result.snapshots.map(({ id }) => id);
  soFar.made.push(...ids.map((id) => ({ repository: name, id })));
  if (evidence.listed === false) throw notListed(name, ids);

  const verdict = judge(evidence, program.journal.baseline(job.name));
  if (verdict.kind === "suspicious") soFar.suspicious = verdict.reasons;
  // One that lacks files is no proof of them: the newest that has them all must not give way to it.
  else if (evidence.unreadableCount === undefined) program.journal.markVerified(name, ids);
  return {
    snapshots: ids,
    evidence,
    ...(verdict.kind === "ok" ? {} : { suspicious: verdict.reasons }),
  };
}

/** Prepares all sources of the job and joins them, so that one snapshot holds them all. */
async function prepareSources(
  undertaking: Undertaking,
  stack: AsyncDisposableStack,
): Promise<{
  readonly source: PreparedSource;
  readonly sourceHost: Host;
  readonly empty: readonly string[];
}> {
  const { program, plan, volumes, ledger, signal } = undertaking;
  const [first] = plan.job.sources;
  // All sources of a job are on one machine: that is checked when the configuration is loaded.
  const sourceHost = first === undefined ? program.hosts.here : hostOf(program, first.place);
  const paths: string[] = [];
  const empty: string[] = [];
  for (const placed of plan.job.sources) {
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

function notListed(repository: string, ids: readonly string[]): HoldfastError {
  return new HoldfastError(
    "evidence-missing",
    `repository "${repository}" does not list the snapshot ${ids.join(", ")} that was just made`,
    { hint: "look into the repository with: holdfast check" },
  );
}

function notReceived(repository: string, from: string): HoldfastError {
  return new HoldfastError(
    "evidence-missing",
    `repository "${repository}" does not list all snapshots that were just copied from "${from}"`,
    { hint: "look into both repositories with: holdfast check" },
  );
}

/**
 * Copies what the further repository lacks and its own rules would keep. What they would drop again
 * at once is not sent: it would be sent anew by every run.
 */
async function copy(undertaking: Undertaking, name: string): Promise<StepResult> {
  const { program, plan, identity } = undertaking;
  const { job } = plan;
  const from = repositoryIn(undertaking, job.repository);
  const to = repositoryIn(undertaking, name);
  const theirs = await listing(undertaking, job.repository);
  const ours = await listing(undertaking, name);
  const lacking = to.missing(
    theirs.filter(({ series }) => series !== undefined),
    ours,
  );
  const decisions = decide({
    snapshots: [...ours, ...lacking],
    rules: rulesFor(program, job, name),
    verified: new Map(),
    now: program.now(),
  });
  const pointless = new Set(dropped(decisions).map(({ id }) => id));
  const wanted = lacking.filter(({ id }) => !pointless.has(id));
  if (wanted.length === 0) return { copied: [] };

  const result = await to.copy(
    from,
    { job: identity, snapshots: wanted },
    workFor(undertaking, "copy"),
  );
  noteListing(undertaking, name, result.after);
  const ids = result.copied.map(({ id }) => id);
  undertaking.soFar.made.push(...ids.map((id) => ({ repository: name, id })));
  if (result.evidence.listed === false) throw notReceived(name, job.repository);
  // A copy proves no more than what it is a copy of.
  const proven = program.journal.verified(job.repository);
  const proofs = result.copied.filter(({ from: original }) => proven.has(original));
  program.journal.markVerified(
    name,
    proofs.map(({ id }) => id),
  );
  return { copied: ids, evidence: result.evidence };
}

async function forget(undertaking: Undertaking, name: string): Promise<StepResult> {
  const { program, plan } = undertaking;
  const snapshots = await listing(undertaking, name);
  const decisions = decide({
    snapshots,
    rules: rulesFor(program, plan.job, name),
    verified: program.journal.verified(name),
    now: program.now(),
  });
  const ids = dropped(decisions).map(({ id }) => id);
  const kept = decisions.filter(({ keep }) => keep.length > 0);
  const result = {
    forgotten: ids,
    kept: kept.map(({ snapshot, keep }) => ({ id: snapshot.id, keep })),
  };
  if (ids.length === 0) return result;

  // Remembered before the act: what is forgotten and not yet pruned still takes up space after a crash.
  program.journal.setMark(prunePendingMark(name), "yes");
  await repositoryIn(undertaking, name).forget(ids, workFor(undertaking, "forget"));
  const gone = new Set(ids);
  noteListing(
    undertaking,
    name,
    snapshots.filter(({ id }) => !gone.has(id)),
  );
  return result;
}

/** The journal's mark for a repository from which something was forgotten since its last prune. */
function prunePendingMark(repository: string): string {
  return `prune-pending:${repository}`;
}

async function prune(undertaking: Undertaking, name: string): Promise<StepResult> {
  const { program, request } = undertaking;
  const pending = program.journal.mark(prunePendingMark(name)) !== undefined;
  if (!pending && request.verbs.has("forget")) return { reason: "nothing was forgotten" };

  const { freedBytes } = await repositoryIn(undertaking, name).prune(workFor(undertaking, "prune"));
  program.journal.setMark(prunePendingMark(name), undefined);
  const lastPrune = program.now();
  program.journal.noteRepository(name, { lastPrune });
  return freedBytes === undefined ? {} : { freedBytes };
}

async function check(undertaking: Undertaking, name: string): Promise<StepResult> {
  const { program } = undertaking;
  const readData = placedRepository(program, name).spec.checkReadData;
  const level = readData === undefined ? {} : { readData };
  const found = await repositoryIn(undertaking, name).check(level, workFor(undertaking, "check"));
  const problems = noteCheck(program, name, { level, problems: found.problems });
  if (problems.length > 0) throw damaged(name, problems);
  return { problems: [] };
}

/** A check that found something. */
function damaged(repository: string, problems: readonly string[]): HoldfastError {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new HoldfastError(
    "check-failed",
    `repository "${repository}" is damaged: ${problems[0] ?? "unknown"}${more}`,
    { hint: "nothing is forgotten there until a check finds no problem; do not prune it" },
  );
}
