// Knows: how a snapshot of a subvolume is made, and what it does not hold. Must not know: when one is due.
import { HoldfastError } from "../../kernel/errors.ts";
import type { BackupRequest } from "../engine.ts";
import { snapshotCommand, snapshotPath, subvolumeIdCommand } from "./commands.ts";
import { newName } from "./names.ts";
import type { Subvolume } from "./output.ts";
import type { Side } from "./side.ts";
import type { View } from "./view.ts";

/** A snapshot that was made. */
export interface Made {
  readonly id: string;
  /** What is there now. */
  readonly view: View;
  readonly notes: readonly string[];
}

/** Makes a read-only snapshot, whose name no other one has. */
export async function makeSnapshot(
  side: Side,
  request: BackupRequest,
  signal: AbortSignal,
): Promise<Made> {
  const from = subvolumeOf(request);
  if (request.sourceHost.name !== side.host.name) throw onAnotherMachine(side);
  const before = await side.look(signal);
  const id = await freeName(side, { labels: request.labels, taken: before.names }, signal);
  const to = snapshotPath(side.location, id);
  await side.run(snapshotCommand(side.setting, { from, to }), signal);
  const view = await side.look(signal);
  return { id, view, notes: await leftOut(side, { from, view }, signal) };
}

/** What a backup is asked to make a snapshot of. */
export function subvolumeOf({ source }: Pick<BackupRequest, "source">): string {
  if (source.kind === "subvolume") return source.path;
  if (source.kind === "objects") throw new Error("btrfs was given objects");
  // A dry run prepares nothing, and so knows only where the source is.
  const [path] = source.paths;
  if (path === undefined) throw new Error("btrfs was given no source");
  return path;
}

function onAnotherMachine(side: Side): HoldfastError {
  const message = `repository "${side.name}" is on another machine than the subvolume`;
  return new HoldfastError("repository-unsupported", message, {
    hint: "keep snapshots where the subvolume is, and bring them to other machines with copies",
  });
}

/** A folder of that name would not be replaced: the snapshot would be made inside it. */
async function freeName(
  side: Side,
  { labels, taken }: { readonly labels: readonly string[]; readonly taken: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<string> {
  const refused = new Set(taken);
  for (;;) {
    const name = newName(new Date(), labels, refused);
    const [state] = await side.host.inspect([snapshotPath(side.location, name)], signal);
    if (state?.kind === "missing") return name;
    refused.add(name);
  }
}

// So many are named; all are counted.
const namedSubvolumes = 20;

/** Names the subvolumes inside the one that was kept: a snapshot has an empty folder in their place. */
async function leftOut(
  side: Side,
  { from, view }: { readonly from: string; readonly view: View },
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (view.all.length === 0) return [];
  const { stdout } = await side.run(subvolumeIdCommand(side.setting, from), signal);
  const top = Number(stdout);
  const base = view.all.find(({ id }) => id === top)?.path;
  const nested = nestedIn(view.all, top)
    .map(({ path }) => (base === undefined ? path : path.slice(base.length + 1)))
    .toSorted();
  const told = nested
    .slice(0, namedSubvolumes)
    .map((path) => `nested subvolume ${path} is not in the snapshot: make a job for it`);
  const more = nested.length - told.length;
  return more === 0 ? told : [...told, `and ${more} more nested subvolumes`];
}

/** The subvolumes anywhere below one, but those that are snapshots: these are kept already. */
function nestedIn(all: readonly Subvolume[], top: number): readonly Subvolume[] {
  const inside = new Set([top]);
  // Numbers are given in the order of making, and a subvolume may have been moved into a later one.
  for (let before = 0; before !== inside.size;) {
    before = inside.size;
    for (const { id, within } of all) if (inside.has(within)) inside.add(id);
  }
  return all.filter(
    ({ id, parentUuid, receivedUuid }) =>
      id !== top && inside.has(id) && parentUuid === undefined && receivedUuid === undefined,
  );
}
