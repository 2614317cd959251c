// Knows: which engines change something outside that must be undone after a crash. Must not know: what they change.
import type { Host } from "../hosts/host.ts";
import type { Undo } from "../kernel/ledger.ts";
import { putBackUndoings } from "./btrfs/put-back.ts";
import { receivingUndoings } from "./btrfs/receiving.ts";

/** How the entries of all engines are undone. `machines`: by their names; without a name, this one. */
export function engineUndoings(machines: {
  get(name: string | undefined): Host;
}): ReadonlyMap<string, Undo> {
  return new Map([...putBackUndoings(machines), ...receivingUndoings(machines)]);
}
