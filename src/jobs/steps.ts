// Knows: how each verb of a run is carried out. Must not know: which come, in what order, and what a failure means for the run.
import type { Evidence } from "../kernel/evidence.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { pinsFor, rememberSettled } from "./holdings.ts";
import { noteCheck } from "./health.ts";
import { comparisons } from "./comparisons.ts";
import { isThere, placedRepository, repositoriesOf } from "./open.ts";
import { prepareSources } from "./prepare.ts";
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
  const of = { ...undertaking, job };
  const { source, sourceHost, empty } = await prepareSources(of, prepared);

  const started = program.now();
  const work = workFor(undertaking, "backup");
  const { until } = source;
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
    until === undefined ? work : { ...work, signal: AbortSignal.any([work.signal, until]) },
  );
  // What was halted goes on now: it need not wait until the snapshot is judged.
  await prepared.disposeAsync();
  noteListing(undertaking, name, result.after);

  const evidence: Evidence = {
    seconds: (program.now().getTime() - started.getTime()) / 1000,
    ...withSource(result.evidence, source.evidence?.()),
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

/** What the engine proved, and what preparing the source did. */
function withSource(evidence: Evidence, source: Evidence = {}): Evidence {
  const notes = [...(source.notes ?? []), ...(evidence.notes ?? [])];
  return { ...source, ...evidence, ...(notes.length === 0 ? {} : { notes }) };
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
  const [theirs, ours] = await Promise.all([
    listing(undertaking, job.repository),
    listing(undertaking, name),
  ]);
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
  const never = lacking.filter(({ id }) => pointless.has(id));
  rememberSettled(program, { job, repository: to }, never);
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
  const repository = repositoryIn(undertaking, name);
  const snapshots = await listing(undertaking, name);
  const decisions = decide({
    snapshots,
    rules: rulesFor(program, plan.job, name),
    verified: program.journal.verified(name),
    pins: pinsFor(program, { job: plan.job, repository }, snapshots),
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
  await repository.forget(ids, workFor(undertaking, "forget"));
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
  const { program, plan } = undertaking;
  const { job } = plan;
  const readData = placedRepository(program, name).spec.checkReadData;
  await using prepared = new AsyncDisposableStack();
  const other = otherRepository(undertaking, name);
  const question = { ...undertaking, job, repository: name, other };
  const { compared, notes } = await comparisons(question, prepared);
  const level = { ...(readData === undefined ? {} : { readData }), ...compared };
  const found = await repositoryIn(undertaking, name).check(level, workFor(undertaking, "check"));
  const problems = noteCheck(program, name, { level, problems: found.problems });
  if (problems.length > 0) throw damaged(name, problems);
  const all = [...notes, ...(found.notes ?? [])];
  return { problems: [], ...(all.length === 0 ? {} : { notes: all }) };
}

/** Another repository of the job that is there and that nothing has failed in. */
function otherRepository(undertaking: Undertaking, name: string): string | undefined {
  const { program, plan, volumes, soFar } = undertaking;
  const failed = new Set(soFar.failures.map(({ repository }) => repository));
  return repositoriesOf(plan.job).find(
    (other) => other !== name && isThere(program, other, volumes) && !failed.has(other),
  );
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
