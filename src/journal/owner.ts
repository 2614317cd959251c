// Knows: which process a run or a lock belongs to, and whether it still lives. Must not know: how that is found out.
import { isAlive, type ProcessIdentity, thisProcess } from "../hosts/process-identity.ts";
import type { JournalParts } from "./parts.ts";

/** What the journal asks about processes. */
export interface Processes {
  self(): ProcessIdentity;
  isAlive(identity: ProcessIdentity): "alive" | "dead" | "unknown";
}

/** The processes of this machine. */
export const realProcesses: Processes = { self: thisProcess, isAlive };

/** Reads a process identity back from the text it was stored as. */
export function parseOwner(text: unknown): ProcessIdentity {
  const identity: ProcessIdentity = JSON.parse(String(text));
  if (typeof identity.host !== "string" || typeof identity.pid !== "number") {
    throw new TypeError(`this is not the identity of a process: ${String(text)}`);
  }
  return identity;
}

/** Whether the process that this text names is dead beyond doubt. Doubt protects what it owns. */
export function isProvenDead({ database, processes }: JournalParts, text: unknown): boolean {
  return processes.isAlive(database.decode(() => parseOwner(text))) === "dead";
}
