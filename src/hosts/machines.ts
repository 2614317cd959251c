// Knows: how an entry of the ledger names the machine that it is about. Must not know: what is to be undone.
import type { Host } from "./host.ts";
import { HoldfastError } from "../kernel/errors.ts";

/** The machines by their names; without a name, this one. Throws for a name that it does not know. */
export interface MachinesByName {
  get(name: string | undefined): Host;
}

/** The machine that an entry is about. Throws `unknown-name`: then it is owed still. */
export function machineOf(machines: MachinesByName, name: string | undefined): Host {
  try {
    return machines.get(name);
  } catch (cause) {
    throw new HoldfastError("unknown-name", `host "${name}" is not configured any more`, {
      hint: "configure that host again, then: holdfast recover",
      cause,
    });
  }
}
