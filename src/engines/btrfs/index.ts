// Knows: btrfs, from its options to an opened repository. Must not know: jobs, schedules, volumes.
import { commonSpec, pathIn, type RepositorySpec } from "../engine.ts";
import { minimumVersion } from "./features.ts";
import type { Undo } from "../../kernel/ledger.ts";
import type { MachinesByName } from "../../hosts/machines.ts";
import { Options } from "./options.ts";
import { putBackUndoings } from "./put-back.ts";
import { receivingUndoings } from "./receiving.ts";
import { openBtrfs } from "./repository.ts";

/** A folder of btrfs snapshots: its options, parsed into something that can be opened. */
export const btrfs = Options.transform((options): RepositorySpec => ({
  engine: options.engine,
  ...commonSpec(options),
  ...pathIn(options.at),
  accepts: new Set(["subvolume"]),
  onOtherHosts: true,
  readsOtherHosts: true,
  betweenOtherHosts: true,
  besideSource: true,
  browsable: true,
  provesItself: true,
  lacks: [
    "exclude",
    "exclude-files",
    "exclude-if-present",
    "exclude-larger-than",
    "exclude-ignore-case",
    "one-file-system",
  ],
  needs: [
    {
      tool: options.program,
      versionArguments: ["--version"],
      minimum: minimumVersion,
      package: "btrfs-progs",
    },
  ],
  open: (access) => openBtrfs(options, access),
}));

/** How what an interrupted copy or restore left is put back. */
export function btrfsUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map([...receivingUndoings(machines), ...putBackUndoings(machines)]);
}
