// Knows: whether the next archive is a full or a differential one. Must not know: how either is made.
import { join } from "node:path";
import type { Command, Host } from "../../hosts/host.ts";
import type { PreparedPaths } from "../../kernel/prepared-source.ts";
import { memberNamed, rootFor } from "./members.ts";
import { stateFile } from "./names.ts";
import { readState, type State } from "./state.ts";
import { type Archive, type Contents, type Folder, newestFull } from "./store.ts";

/** What the next archive is, and what is to be said of it. */
export interface ArchivePlan {
  readonly kind: "full" | "differential";
  readonly base?: BaseArchive;
  /** Why it is a full one although nobody would expect that. */
  readonly note?: string;
}

/** A full archive with which a differential one begins. */
export interface BaseArchive extends Archive {
  /** When tar began it, by its own account. */
  readonly seconds: number;
}

/** What a plan depends on besides what there is. */
export interface Asked {
  readonly now: Date;
  readonly fullEveryMs: number;
  readonly full: boolean;
  readonly job: string;
}

/** Of which source. */
type Paths = Pick<PreparedPaths, "paths" | "root">;

/**
 * Full when one is asked for, when there is none to begin with, when the newest is as old as `full-every`, or
 * when it cannot be continued. Reads the newest one's state only when nothing else decides.
 */
export async function planArchive(
  { folder, contents, source }: { folder: Folder; contents: Contents; source: Paths },
  asked: Asked,
  signal: AbortSignal,
): Promise<ArchivePlan> {
  const dated = planByTime(contents, asked);
  if (dated.kind === "full") return dated;
  const { base } = dated;
  const state = await readState(folder.host, join(folder.path, stateFile(base.id)), signal);
  const obstacle =
    base.manifest === undefined
      ? await foreignObstacle({ host: folder.host, state, source }, signal)
      : ownObstacle(base.manifest, source);
  const { seconds, isWhole } = state;
  if (seconds === undefined || !isWhole) return instead(`${stateFile(base.id)} is damaged`);
  if (obstacle !== undefined) return instead(`${base.id} ${obstacle}`);
  return { kind: "differential", base: { ...base, seconds } };
}

function instead(reason: string): { readonly kind: "full"; readonly note: string } {
  return { kind: "full", note: `a full archive was made because ${reason}` };
}

/**
 * Decided by the times in manifests and names; what copies and restores do to a file's own time has no
 * say. Pure.
 */
export function planByTime(
  contents: Contents,
  asked: Asked,
):
  | { readonly kind: "full"; readonly note?: string }
  | { readonly kind: "differential"; readonly base: Archive } {
  const full = newestFull(contents, asked.job);
  if (asked.full || full === undefined) return { kind: "full" };
  if (!contents.files.has(stateFile(full.id))) {
    return instead(`${full.id} has no .snar file beside it`);
  }
  const age = asked.now.getTime() - full.time.getTime();
  if (age < 0) return instead(`${full.id} is from the future: was the clock set back?`);
  // A run that begins a moment earlier than the one a week ago counts as a week later.
  const tolerance = Math.min(asked.fullEveryMs / 20, 3_600_000);
  if (age >= asked.fullEveryMs - tolerance) return { kind: "full" };
  return { kind: "differential", base: full };
}

/** What is no longer backed up would come back with every restore. Pure. */
function ownObstacle(
  made: Paths | { readonly root?: string | undefined; paths: readonly string[] },
  now: Paths,
): string | undefined {
  const same =
    rootFor(made) === rootFor(now) &&
    new Set(made.paths).symmetricDifference(new Set(now.paths)).size === 0;
  return same ? undefined : "holds other paths than are backed up now";
}

/** Nobody has written down of which folder the predecessor's archives are; tar has, in its own way. */
async function foreignObstacle(
  { host, state: { top }, source }: { host: Host; state: State; source: Paths },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { root, paths } = source;
  if (root === undefined || top === undefined) return "names its files as seen from a folder";
  const look: Command = { argv: ["stat", "--format=%i", "--", root], effect: "reads" };
  const { stdout } = await host.run(look, signal);
  if (stdout.trim() !== top.inode) return `was made of another folder than ${root}`;
  const members = new Set(paths.map((path) => memberNamed(path, { kind: "rooted", root })));
  // A list of names says nothing of one that is no longer in it.
  const isCovered = members.has(".") || top.names.every((name) => members.has(`./${name}`));
  return isCovered ? undefined : "holds other paths than are backed up now";
}
