// Knows: with which options a mirror is brought up to date, and what may be deleted there. Must not know: layouts.
import { HoldfastError } from "../../kernel/errors.ts";
import type { Work } from "../engine.ts";
import { filterArguments, partialDir, protectionArguments, type Rules } from "./filters.ts";
import type { Mirror, Pass } from "./mirror.ts";
import type { Options } from "./options.ts";
import { changesInPlace } from "./tool-options.ts";
import type { Route, Transfer } from "./transfer.ts";

/** One copying into a folder of the repository. */
export interface Copying {
  readonly route: Route;
  readonly sources: readonly string[];
  readonly target: string;
  /** What is left out; nothing of a snapshot that is copied. */
  readonly rules?: Rules;
  /** Unchanged files are shared with what `latest` leads to. */
  readonly linked: boolean;
}

/** How much is deleted: everything that is superfluous, nothing, or no more than so many. */
export type Deletions = "all" | { readonly most: number };

// When deletions happen is our affair: only at the end are interrupted files of no more use.
const deletion = /^--del(ete(-(before|during|delay|after|excluded))?)?$/;

/** The options with which files and folders are copied and attributes kept. */
export function keepingOptions(options: Options): readonly string[] {
  return [
    ...[...options.options, ...options["extra-options"]].filter((word) => !deletion.test(word)),
    ...(options["hard-links"] ? ["--hard-links"] : []),
    ...(options.acls ? ["--acls"] : []),
    ...(options.xattrs ? ["--xattrs"] : []),
  ];
}

/** One run of rsync, with everything that protects the mirror. Pure. */
export function passTransfer(options: Options, copying: Copying, deletions: Deletions): Transfer {
  const { route, sources, target, rules, linked } = copying;
  const words = keepingOptions(options);
  const safe = options.symlinks === "safe";
  return {
    route,
    sources,
    target: `${target}/`,
    effect: "writes",
    options: [
      ...protectionArguments(),
      ...words,
      ...(safe ? ["--safe-links"] : []),
      ...(options.compress ? ["--compress"] : []),
      ...(options.checksum ? ["--checksum"] : []),
      ...(rules === undefined ? [] : filterArguments(rules)),
      ...(changesInPlace(words) ? [] : [`--partial-dir=${partialDir}`]),
      ...(linked ? ["--link-dest=../latest"] : []),
      "--delete-delay",
      "--delete-excluded",
      ...(deletions === "all" ? [] : [`--max-delete=${deletions.most}`]),
      "--stats",
      // Links that are left out are named only among all the other names.
      safe ? "--info=progress2,name1" : "--info=progress2",
    ],
  };
}

/** Brings a folder up to date without a guard: a new snapshot, or the copy of one. */
export async function copyAll(mirror: Mirror, copying: Copying, work: Work): Promise<Pass> {
  return await mirror.copy(passTransfer(mirror.options, copying, "all"), work);
}

/**
 * Brings a folder up to date, and deletes nothing when more would go than the configuration allows. The
 * first run of rsync deletes nothing and says what it would have; only when there is something, a second
 * one does. Without a job to ask about it, everything superfluous is. Throws `deletion-refused`.
 */
export async function copyGuarded(
  mirror: Mirror,
  copying: Copying,
  { work, job }: { readonly work: Work; readonly job: string | undefined },
): Promise<Pass> {
  if (job === undefined) return await copyAll(mirror, copying, work);
  const first = await mirror.copy(passTransfer(mirror.options, copying, { most: 0 }), work);
  const superfluous = first.counts.get("deletions-stopped") ?? 0;
  if (superfluous === 0) return first;
  refuseTooMany(mirror, first, { superfluous, job });
  // Folders that become empty count as well once they are deleted. The bound is for a source that
  // vanishes between the two runs.
  const most = superfluous * 2 + 100;
  const second = await mirror.copy(passTransfer(mirror.options, copying, { most }), work);
  return joined(first, second);
}

function refuseTooMany(
  mirror: Mirror,
  pass: Pass,
  { superfluous, job }: { readonly superfluous: number; readonly job: string },
): void {
  const { entries, created, leaves, transferred } = pass.statistics;
  const changed = created > 0 || transferred > 0;
  const before = entries - created + superfluous;
  const allowed = mirror.options["max-delete"];
  const most = "count" in allowed ? allowed.count : allowed.share * before;
  const { name } = mirror.subject;
  if (leaves === 0) throw emptySourceError(name, { job, changed });
  if (superfluous <= most) return;
  const bound = "count" in allowed ? String(allowed.count) : `${allowed.share * 100} %`;
  throw new DeletionRefused(
    `the source lacks ${superfluous} of ${before} files and folders that repository "${name}" holds, more than max-delete allows (${bound}); none was deleted`,
    { job, changed },
  );
}

interface Refused {
  /** The job whose backup it was. */
  readonly job: string;
  readonly changed: boolean;
}

/** More would have been deleted than is allowed; nothing was. */
export class DeletionRefused extends HoldfastError {
  /** Whether anything else was changed before. */
  readonly changed: boolean;

  constructor(message: string, { job, changed }: Refused) {
    super("deletion-refused", message, {
      hint: `if that is right, say so once with: holdfast run ${job} --allow-deletions`,
    });
    this.changed = changed;
  }
}

/** A source that held files before and holds none now: rather a disk that is not mounted. */
export function emptySourceError(repository: string, refused: Refused): HoldfastError {
  return new DeletionRefused(
    `the source is empty, and repository "${repository}" is not; nothing was deleted`,
    refused,
  );
}

/** Two runs as one: the second says what is there now, both what was done. */
function joined(first: Pass, second: Pass): Pass {
  const { statistics } = second;
  const added = (name: "created" | "transferred" | "transferredBytes"): number =>
    first.statistics[name] + statistics[name];
  return {
    ...second,
    // A file that could be read one time of two is there.
    exitStatus: second.exitStatus === 25 ? 0 : second.exitStatus,
    statistics: {
      ...statistics,
      created: added("created"),
      transferred: added("transferred"),
      transferredBytes: added("transferredBytes"),
    },
  };
}
