// Knows: which commands a verb would run. Must not know: when.
import type { Command } from "../../hosts/host.ts";
import type { PlannedVerb } from "../engine.ts";
import {
  forgetCommands,
  initCommands,
  makeTargetCommand,
  restoreCommand,
  syncCommand,
} from "./commands.ts";
import { type Places, snapshotPlace } from "./layout.ts";
import { insideOf } from "./restore.ts";

/** The commands of a verb, for the eye. Links, and what is fetched, are made without any. Pure. */
export function previewCommands(planned: PlannedVerb, places: Places): readonly Command[] {
  // Once for new content, before it gets its names, and once for the snapshot.
  const syncs = [syncCommand(places), syncCommand(places)];
  switch (planned.verb) {
    case "init":
      return initCommands(places);
    case "backup":
      return syncs;
    case "copy":
      return planned.snapshots.flatMap(() => syncs);
    case "forget":
      return planned.ids.flatMap((id) => forgetCommands(places, id));
    case "restore": {
      const { snapshot, include, target } = planned.request;
      const inside = include.length === 0 ? ["."] : include.map(insideOf);
      const root = snapshotPlace(places, snapshot);
      return [makeTargetCommand(target), restoreCommand({ root, inside, target })];
    }
    case "prune":
    case "check":
      return [];
  }
}
