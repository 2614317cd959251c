// Knows: which commands a verb would run, as far as that is known beforehand. Pure.
import type { Command } from "../../hosts/host.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { PlannedVerb } from "../engine.ts";
import { subvolumeOf } from "./backup.ts";
import {
  createCommand,
  deleteCommand,
  makeFolderCommand,
  receiveCommand,
  reclaimCommand,
  sendCommand,
  snapshotCommand,
  snapshotPath,
} from "./commands.ts";
import { portionsOf } from "./forget.ts";
import { newName } from "./names.ts";
import { insideOf, restoreStages } from "./restore.ts";
import type { Side } from "./side.ts";

/** The commands that change something. `from` is the sending side of a copy. */
export function previewOf(
  side: Side,
  planned: PlannedVerb,
  from: Side | undefined,
): readonly Command[] {
  const { setting, location } = side;
  switch (planned.verb) {
    case "init":
      return [makeFolderCommand(location)];
    case "backup": {
      const name = newName(new Date(), planned.request.labels, new Set());
      const to = snapshotPath(location, name);
      return [snapshotCommand(setting, { from: subvolumeOf(planned.request), to })];
    }
    case "copy":
      return from === undefined ? [] : previewCopy(side, from, planned);
    case "forget":
      return portionsOf(planned.ids).map((ids) =>
        deleteCommand(
          setting,
          ids.map((id) => snapshotPath(location, id)),
        ),
      );
    case "prune":
      return [reclaimCommand(setting, location)];
    case "check":
      // It only reads.
      return [];
    case "restore": {
      const { snapshot, target, include } = planned.request;
      const root = snapshotPath(location, snapshot);
      const inside = include.map((path) => insideOf(path, planned.request));
      const stages = restoreStages(side, { root, inside, target });
      return [makeFolderCommand(target), ...stages.map(({ command }) => command)];
    }
  }
}

function previewCopy(
  to: Side,
  from: Side,
  { snapshots, common = [] }: Extract<PlannedVerb, { verb: "copy" }>,
): readonly Command[] {
  if (snapshots.length === 0) return [];
  const receiving = to.receiving;
  let parent: Snapshot | undefined = common.at(-1);
  const each = snapshots.flatMap((snapshot): readonly Command[] => {
    const received = snapshotPath(receiving, snapshot.id);
    const difference =
      parent === undefined ? {} : { parent: snapshotPath(from.location, parent.id) };
    const path = snapshotPath(from.location, snapshot.id);
    parent = snapshot;
    return [
      sendCommand(from.setting, { path, compressedData: false, ...difference }),
      receiveCommand(to.setting, receiving),
      snapshotCommand(to.setting, { from: received, to: snapshotPath(to.location, snapshot.id) }),
    ];
  });
  const left = snapshots.map(({ id }) => snapshotPath(receiving, id)).toSorted();
  const discarded = deleteCommand(to.setting, [...left, receiving]);
  return [createCommand(to.setting, receiving), ...each, discarded];
}
