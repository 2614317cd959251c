// Knows: which process a run or a lock belongs to, and what proves that it is dead. Must not know: how that is found out.
import {
  isAlive,
  type Liveness,
  type ProcessIdentity,
  thisProcess,
} from "../hosts/process-identity.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { type Database, isFileError } from "./database.ts";
import type { JournalParts } from "./parts.ts";
import type { Sign, SignsOfLife, SignState } from "./sign-of-life.ts";

/** The process that a run or a lock belongs to. Plain JSON. */
export interface Owner extends ProcessIdentity {
  /** Where it shows that it lives. */
  readonly sign?: Sign;
}

/** What the journal asks about processes. */
export interface Processes {
  self(): Owner;
  isAlive(owner: Owner): Liveness;
}

/** The processes of this machine, by their numbers. */
export const realProcesses: Processes = { self: thisProcess, isAlive };

/** The processes that use one journal, by their numbers and by the signs that they give. */
export function processesWithSigns(signs: SignsOfLife): Processes {
  return {
    self: () => ({ ...thisProcess(), sign: signs.give() }),

    isAlive(owner) {
      const byNumber = isAlive(owner);
      const { sign } = owner;
      if (sign === undefined || byNumber === "alive") return byNumber;
      const isSameKernel = owner.bootId !== undefined && owner.bootId === thisProcess().bootId;
      return liveness({
        byNumber,
        sign: signs.look(sign.name),
        locksReachUs: isSameKernel || (sign.onLocalDisk && signs.isOnLocalDisk()),
      });
    },
  };
}

/**
 * What number and sign say together; the table is in docs/decisions/0012. A number proves a life or a
 * death only where it can be looked up; a free sign proves a death only where its owner's lock would
 * be seen. A sign that is held, and a number that is the owner's, protect it from every other doubt.
 */
export function liveness(facts: {
  readonly byNumber: Liveness;
  readonly sign: SignState;
  readonly locksReachUs: boolean;
}): Liveness {
  const { byNumber, sign, locksReachUs } = facts;
  if (sign === "held" || byNumber === "alive") return "alive";
  return sign === "free" && locksReachUs ? "dead" : byNumber;
}

/** Reads an owner back from the text it was stored as. */
export function parseOwner(text: unknown): Owner {
  const owner: Owner = JSON.parse(String(text));
  if (typeof owner.host !== "string" || typeof owner.pid !== "number") {
    throw new TypeError(`this is not the identity of a process: ${String(text)}`);
  }
  return owner;
}

/** Whether the process that this text names is dead beyond doubt. Doubt protects what it owns. */
export function isProvenDead({ database, processes }: JournalParts, text: unknown): boolean {
  return processes.isAlive(database.decode(() => parseOwner(text))) === "dead";
}

/**
 * This process as the owner of what it begins, as a text. To be called in the transaction that stores
 * it: signs are made, swept and taken back in transactions only, so that nobody finds one that is not
 * held yet, or held and not yet in use.
 */
export function newOwner({ database, processes, signs }: JournalParts): string {
  if (!signs.isGiven) signs.sweep(signsInUse(database));
  return JSON.stringify(processes.self());
}

/** Before a journal is closed: takes back this process's sign unless something is still its own, and sweeps. */
export function withdrawSign({ database, signs }: JournalParts): void {
  try {
    if (signs.areNone()) return;
    database.atomically(() => {
      const inUse = signsInUse(database);
      signs.withdraw(inUse);
      signs.sweep(inUse);
    });
  } catch (error) {
    // The work is done and written; what is left over here the next process sweeps away.
    if (!(error instanceof HoldfastError || isFileError(error))) throw error;
  }
}

function signsInUse(database: Database): ReadonlySet<string> {
  const rows = database.all(
    `SELECT owner FROM runs WHERE finish IS NULL UNION SELECT owner FROM locks
     UNION SELECT owner FROM uses WHERE kept = 0`,
  );
  const owners = database.decode(() => rows.map(({ owner }) => parseOwner(owner)));
  return new Set(owners.flatMap(({ sign }) => (sign === undefined ? [] : [sign.name])));
}
