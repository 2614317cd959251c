// Knows: how a snapshot comes into being in each layout, whole or not at all. Must not know: where its files come from.
import { posix } from "node:path";
import type { Command } from "../../hosts/host.ts";
import type { Evidence } from "../../kernel/evidence.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Work } from "../engine.ts";
import {
  appendRecordCommand,
  latestCommands,
  makeFolderCommand,
  namesCommand,
  mirrorRecordCommands,
  recordCommand,
  removeCommand,
  revealCommand,
  subvolumeSnapshotCommand,
  syncCommand,
  unlockCommand,
  unshareCommand,
} from "./commands.ts";
import { evidenceOf } from "./evidence.ts";
import { refuseEmptied, refuseEmpty, refuseIncomplete } from "./guards.ts";
import { momentOf, nameOf, type Standing } from "./layout.ts";
import type { Mirror, Pass } from "./mirror.ts";
import { copyAll, copyGuarded, DeletionRefused, passTransfer, type Copying } from "./passes.ts";
import { figuresOf, type Record } from "./record.ts";
import { ensureRoom } from "./room.ts";
import { namesAtRoot, type Sources } from "./sources.ts";
import type { Rules } from "./filters.ts";
import { transferCommand, type Route } from "./transfer.ts";

/** What a snapshot is to be made of. */
export interface Making {
  readonly route: Route;
  readonly sources: Sources;
  readonly rules?: Rules;
  /** What is written down of it, besides figures. */
  readonly about: Omit<Record, "id" | "complete" | "files" | "bytes" | "added">;
  /** What it is called; by default after the moment in which it is made. */
  readonly id?: string;
  /** The source is followed wherever it goes: a copy, or somebody said so. */
  readonly trusted: boolean;
}

/** What was made. */
export interface Made {
  readonly id: string;
  readonly evidence: Evidence;
}

/** Makes one snapshot. */
export async function makeSnapshot(mirror: Mirror, making: Making, work: Work): Promise<Made> {
  switch (mirror.places.layout) {
    case "none":
      return await updateMirror(mirror, making, work);
    case "hard-links":
      return await makeLinked(mirror, making, work);
    case "btrfs":
      return await makeSubvolume(mirror, making, work);
  }
}

/** The commands that change something while a snapshot is made, as far as they are known before. Pure. */
export function plannedCommands(mirror: Mirror, making: Making): readonly Command[] {
  const { places, options } = mirror;
  const { layout } = places;
  const id = making.id ?? "YYYY-MM-DDTHH:MM:SS.mmmZ";
  const record = recordOf(making, { id, evidence: {} });
  const most = making.trusted || layout === "hard-links" ? "all" : ({ most: 0 } as const);
  const pass = transferCommand(passTransfer(options, copyingOf(mirror, making), most));
  switch (layout) {
    case "none":
      return [
        appendRecordCommand(places, record),
        pass,
        syncCommand(places),
        appendRecordCommand(places, record),
      ];
    case "hard-links":
      return [
        ...folderFor(copyingOf(mirror, making)),
        pass,
        recordCommand(places, record),
        syncCommand(places),
        revealCommand(places, id),
        ...latestCommands(places, id),
      ];
    case "btrfs":
      return [
        pass,
        recordCommand(places, record),
        subvolumeSnapshotCommand(places, places.staging, id),
        ...latestCommands(places, id),
      ];
  }
}

function copyingOf({ places }: Mirror, making: Making, target?: string): Copying {
  const { route, sources, rules } = making;
  const targets = { none: places.root, "hard-links": places.partial, btrfs: places.staging };
  return {
    route,
    sources: sources.words,
    target: target ?? targets[places.layout],
    linked: places.layout === "hard-links",
    ...(rules === undefined ? {} : { rules }),
  };
}

/** rsync makes the last folder of a path itself, except where it takes it for a pattern. */
function folderFor({ route, target }: Copying): readonly Command[] {
  const isPattern = route.far !== undefined && !route.sourceIsFar && /[*?[]/.test(target);
  return isPattern ? [makeFolderCommand(target)] : [];
}

function recordOf(making: Making, { id, evidence }: Made): Record {
  return { ...making.about, id, complete: true, ...figuresOf(evidence) };
}

/** A name that no snapshot has. */
function newName(making: Making, taken: ReadonlySet<string>): string {
  if (making.id !== undefined) return making.id;
  let moment = Date.now();
  while (taken.has(nameOf(new Date(moment)))) moment += 1;
  return nameOf(new Date(moment));
}

// So many runs are remembered before the record of a mirror is written anew.
const manyRecords = 100;

async function updateMirror(mirror: Mirror, making: Making, work: Work): Promise<Made> {
  const { places } = mirror;
  const { signal } = work;
  const records = await mirror.mirrorRecords(signal);
  const last = records.at(-1);
  if (last === undefined) await refuseOldLayout(mirror, signal);
  if (!making.trusted) await refuseEmptied(mirror, asked(making, places.root), signal);
  const copying = copyingOf(mirror, making);
  await ensureRoom(mirror, copying, { last, work });
  const id = newName(making, new Set([last?.id ?? ""]));
  const before = last ?? recordOf(making, { id, evidence: {} });
  const mark = { ...before, complete: false };
  const commands =
    records.length < manyRecords
      ? [appendRecordCommand(places, mark)]
      : mirrorRecordCommands(places, mark);
  await mirror.runAll(commands, signal);
  const pass = await copyGuarded(mirror, copying, { work, job: guardedFor(making) }).catch(
    async (error: unknown) => {
      const unchanged = error instanceof DeletionRefused && !error.changed;
      // It is still what it was.
      if (unchanged && last?.complete === true)
        await mirror.run(appendRecordCommand(places, last), signal);
      throw error;
    },
  );
  refuseIncomplete(mirror, making.id, pass);
  const strays = await straysAtRoot(mirror, making.sources, { folder: places.root, signal });
  if (isChanged(pass)) await mirror.run(syncCommand(places), signal);
  const made = { id, evidence: evidenceOf(pass, strays) };
  await mirror.run(appendRecordCommand(places, recordOf(making, made)), signal);
  return made;
}

async function refuseOldLayout(mirror: Mirror, signal: AbortSignal): Promise<void> {
  const standing = await mirror.look(signal);
  if (standing?.latest.kind !== "folder" || standing.foreign.length > 0) return;
  const { name } = mirror.subject;
  throw new HoldfastError(
    "repository-unsupported",
    `the mirror of repository "${name}" is in ${mirror.places.latest}, where an early nbkp put it`,
    { hint: "write that path as at of the repository; holdfast continues it there" },
  );
}

async function makeLinked(mirror: Mirror, making: Making, work: Work): Promise<Made> {
  const { places } = mirror;
  const { signal } = work;
  const standing = await mirror.standing(signal);
  const { records } = standing;
  const newest = standing.snapshots.at(-1);
  const last = newest === undefined ? undefined : records.get(newest.id);
  await mendLatest(mirror, standing, signal);
  const isResumed = standing.leftovers.includes(posix.basename(places.partial));
  if (isResumed) {
    await mirror.runAll([unlockCommand([places.partial]), unshareCommand(places)], signal);
  }
  const copying = copyingOf(mirror, making);
  await mirror.runAll(folderFor(copying), signal);
  await ensureRoom(mirror, copying, { last, work });
  const pass = await copyAll(mirror, copying, work);
  refuseIncomplete(mirror, making.id, pass);
  if (!making.trusted && newest !== undefined && pass.statistics.leaves === 0) {
    await refuseEmpty(mirror, { id: newest.id, last, job: jobOf(making) }, signal);
  }
  if (isResumed) {
    const folder = places.partial;
    const strays = await straysAtRoot(mirror, making.sources, { folder, signal });
    const paths = strays.map((name) => posix.join(folder, name));
    if (paths.length > 0) await mirror.run(removeCommand(paths), signal);
  }
  const made = {
    id: newName(making, new Set(standing.snapshots.map(({ id }) => id))),
    evidence: evidenceOf(pass),
  };
  await noteRecord(mirror, { standing, record: recordOf(making, made) }, signal);
  // Journals of file systems keep links and names in order; what files hold, they do not.
  if (isChanged(pass) || isResumed) await mirror.run(syncCommand(places), signal);
  await mirror.run(revealCommand(places, made.id), signal);
  await pointLatest(mirror, { standing, making, id: made.id }, signal);
  return made;
}

function jobOf({ about }: Making): string {
  return about.job ?? "JOB";
}

function asked(making: Making, folder: string) {
  return { folder, empty: making.sources.empty ?? [], job: jobOf(making) };
}

/** The job to ask about deletions; none where they are the purpose. */
function guardedFor(making: Making): string | undefined {
  return making.trusted ? undefined : jobOf(making);
}

async function makeSubvolume(mirror: Mirror, making: Making, work: Work): Promise<Made> {
  const { places } = mirror;
  const { signal } = work;
  const standing = await mirror.standing(signal);
  const { records } = standing;
  const last = records.get(standing.snapshots.at(-1)?.id ?? "");
  const staging = standing.staging?.path ?? places.staging;
  if (standing.staging?.subvolume !== true) {
    throw new HoldfastError(
      "repository-unsupported",
      `${staging} of repository "${mirror.subject.name}" is no subvolume of a btrfs`,
      { hint: `move it away, then: btrfs subvolume create ${staging}` },
    );
  }
  if (!making.trusted) await refuseEmptied(mirror, asked(making, staging), signal);
  const copying = copyingOf(mirror, making, staging);
  await ensureRoom(mirror, copying, { last, work });
  const pass = await copyGuarded(mirror, copying, { work, job: guardedFor(making) });
  refuseIncomplete(mirror, making.id, pass);
  const strays = await straysAtRoot(mirror, making.sources, { folder: staging, signal });
  const made = {
    id: newName(making, new Set(standing.snapshots.map(({ id }) => id))),
    evidence: evidenceOf(pass, strays),
  };
  await noteRecord(mirror, { standing, record: recordOf(making, made) }, signal);
  // Making a snapshot writes everything to the disk that is in it.
  await mirror.run(subvolumeSnapshotCommand(places, staging, made.id), signal);
  await pointLatest(mirror, { standing, making, id: made.id }, signal);
  return made;
}

async function noteRecord(
  mirror: Mirror,
  { standing, record }: { readonly standing: Standing; readonly record: Record },
  signal: AbortSignal,
): Promise<void> {
  const { places } = mirror;
  if (!standing.hasRecords) await mirror.run(makeFolderCommand(places.records), signal);
  await mirror.run(recordCommand(places, record), signal);
}

function isChanged({ statistics }: Pass): boolean {
  return statistics.transferred > 0 || statistics.deleted > 0;
}

/** What is at the root of a folder and of none of the sources: rsync leaves it alone. */
async function straysAtRoot(
  mirror: Mirror,
  sources: Sources,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const names = namesAtRoot(sources);
  if (names === undefined) return [];
  const { stdout } = await mirror.run(namesCommand(folder), signal);
  const ours = /^\.(nbkp|holdfast)-|^lost\+found$/;
  return stdout.split("\0").filter((name) => name !== "" && !names.has(name) && !ours.test(name));
}

/** A link that leads nowhere shares nothing. */
async function mendLatest(mirror: Mirror, standing: Standing, signal: AbortSignal): Promise<void> {
  const { latest, snapshots } = standing;
  const { name } = mirror.subject;
  if (latest.kind === "folder") {
    throw new HoldfastError(
      "repository-unsupported",
      `${mirror.places.latest} of repository "${name}" is a folder, not a link to the newest snapshot`,
      { hint: "an early nbkp left it: move it away, or set snapshots: none and at to that folder" },
    );
  }
  const isRight = latest.kind === "snapshot" || (latest.kind === "none" && snapshots.length === 0);
  if (!isRight) await mirror.runAll(latestCommands(mirror.places, snapshots.at(-1)?.id), signal);
}

async function pointLatest(
  mirror: Mirror,
  { standing, making, id }: { standing: Standing; making: Making; id: string },
  signal: AbortSignal,
): Promise<void> {
  // What an early nbkp wrote to has that name, and is written to again.
  if (standing.latest.kind === "folder") return;
  const newest = standing.snapshots.at(-1)?.time.getTime() ?? 0;
  const isOlder = making.id !== undefined && (momentOf(id)?.getTime() ?? 0) < newest;
  if (!isOlder) await mirror.runAll(latestCommands(mirror.places, id), signal);
}
