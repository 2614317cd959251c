// Knows: what the ledger says of a drive that was unlocked or mounted. Must not know: how it is undone.
import * as z from "zod";
import type { LedgerEntry } from "../kernel/ledger.ts";

const common = {
  volume: z.string(),
  /** Absent: this machine. */
  host: z.string().optional(),
  way: z.enum(["udisks", "direct"]),
  /** The id as it is configured. */
  device: z.string(),
  /** Of the start of the machine in which it was done: no later one finds anything to undo. */
  boot: z.string(),
};

const Unlocked = z.object({ ...common, mapper: z.string() });
/** An encrypted container that was opened. */
export type Unlocked = z.output<typeof Unlocked>;

const Mounted = z.object({
  ...common,
  /** The path of the device that was mounted. */
  source: z.string(),
  /** Absent where udisks chooses it. */
  target: z.string().optional(),
  /** The mount point was made for it, and goes with it. */
  made: z.boolean(),
});
/** A file system that was mounted. */
export type Mounted = z.output<typeof Mounted>;

/** The kinds of entries that this room writes. */
export const unlockedKind = "volume-unlocked";
export const mountedKind = "volume-mounted";

export function unlockedEntry(data: Unlocked): LedgerEntry {
  return { kind: unlockedKind, subject: `volume ${data.volume}: unlocked`, data: { ...data } };
}

export function mountedEntry(data: Mounted): LedgerEntry {
  return { kind: mountedKind, subject: `volume ${data.volume}: mounted`, data: { ...data } };
}

/** Reads what `unlockedEntry` wrote. Throws when it did not. */
export function readUnlocked({ data }: LedgerEntry): Unlocked {
  return Unlocked.parse(data);
}

/** Reads what `mountedEntry` wrote. Throws when it did not. */
export function readMounted({ data }: LedgerEntry): Mounted {
  return Mounted.parse(data);
}
