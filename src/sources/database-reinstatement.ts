// Knows: how a database of its own is put back from a dump, or a drill of it made. Must not know: which kinds there are, and how they are dumped.
import { posix } from "node:path";
import type { DatabaseAccess, DatabaseSettings } from "../databases/database.ts";
import { openDatabase } from "../databases/index.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import type { Ledger } from "../kernel/ledger.ts";
import { drillLabel, dropCommand, fillDrill, mustBeVacant } from "./drill-database.ts";
import type {
  Reinstated,
  Reinstatement,
  ReinstateWish,
  ReinstateWork,
  RestoredCopy,
} from "./reinstatement.ts";
import { keepDatabase, type ReplacedDatabase, replaceDatabase } from "./replaced-database.ts";
import { Replacement } from "./replacement.ts";

/** A database that is a source by itself. */
export interface DatabaseSource {
  readonly settings: DatabaseSettings;
  readonly access: DatabaseAccess;
  readonly ledger: Ledger;
  /** The folder that its dump is put into for a backup: what is there is kept beside it. */
  readonly staging: string;
  /** Where the dump is in a restored copy. Throws `target-invalid` where there is none. */
  readonly dumpIn: (copy: RestoredCopy, signal: AbortSignal) => Promise<string>;
}

/** Decides how it is put back: see `Source.reinstate`. */
export async function reinstateDatabase(
  source: DatabaseSource,
  wish: ReinstateWish,
  signal: AbortSignal,
): Promise<Reinstatement> {
  if (wish.database !== undefined) return await drill(source, wish.database, signal);
  return await inPlace(source, wish, signal);
}

async function drill(
  source: DatabaseSource,
  name: string,
  signal: AbortSignal,
): Promise<Reinstatement> {
  const { settings, access } = source;
  const wanted = { settings, access, name };
  await mustBeVacant(wanted, signal);
  const place = drillLabel(wanted);
  return {
    place,
    steps: [`fill ${place} from the dump; nothing else is touched`],
    warnings: [],
    async carryOut(copy, work): Promise<Reinstated> {
      const dump = await source.dumpIn(copy, work.signal);
      work.tell(`filling ${place}`);
      await fillDrill(wanted, { dump, signal: work.signal });
      const next = `look at what is in it, then remove it: ${dropCommand(settings, name, access)}`;
      return { place, notes: [], next: [next] };
    },
  };
}

async function inPlace(
  source: DatabaseSource,
  wish: ReinstateWish,
  signal: AbortSignal,
): Promise<Reinstatement> {
  const { settings, access, staging } = source;
  const place = openDatabase(settings, access).label;
  const kept = `${staging}.before-${stampOf(wish.time)}`;
  const workspace = posix.join(posix.dirname(staging), `.${posix.basename(staging)}.restoring`);
  const size = await sizeToKeep(source, wish, signal);
  const keep =
    typeof size === "number"
      ? `dump what is in ${place} now into ${kept} (about ${formatSize(size)})`
      : `leave out the dump of what is in ${place} now, which cannot be had`;
  return {
    place,
    workspace: `${workspace}-${stampOf(wish.time)}`,
    ...(typeof size === "number" ? { extraBytes: size } : {}),
    steps: [keep, `replace all that is in ${place} by the dump of the snapshot`],
    warnings: [
      ...(typeof size === "number" ? [] : [size.reason]),
      `end what uses ${place} first: what is written to it meanwhile is lost`,
    ],
    async carryOut(copy, work): Promise<Reinstated> {
      const dump = await source.dumpIn(copy, work.signal);
      await replace(source, { dump, kept, isKept: typeof size === "number" }, work);
      return {
        place,
        ...(typeof size === "number" ? { aside: kept } : {}),
        notes: [],
        next: [
          `start what uses it, and look whether all is there`,
          ...(typeof size === "number" ? [`then remove what was there: rm -r -- ${kept}`] : []),
        ],
      };
    },
  };
}

async function replace(
  { settings, access, ledger }: DatabaseSource,
  request: { readonly dump: string; readonly kept: string; readonly isKept: boolean },
  { signal, tell }: ReinstateWork,
): Promise<void> {
  const { host, through } = access;
  const { dump, kept, isKept } = request;
  const replaced: ReplacedDatabase = {
    through: [...through],
    kept: posix.join(kept, settings.kind === "sqlite" ? "before.db" : "before.sql"),
    connection: posix.join(kept, ".connection"),
  };
  const { label } = openDatabase(settings, access);
  const what = { kept, folders: [], ...(isKept ? { database: replaced } : {}) };
  const unkept = isKept ? {} : { unkept: label };
  const made = { host, ledger, subject: label, undoings: new Map(), ...unkept };
  const replacement = await Replacement.begin(made, what, signal);
  try {
    if (isKept) {
      tell(`dumping what is in ${label} now`);
      await keepDatabase(host, replaced, { settings, signal });
    }
    tell(`replacing what is in ${label}`);
    await replaceDatabase(host, replaced, { settings, dump, signal });
    await replacement.commit(signal);
  } catch (error) {
    await replacement.failed(error);
  }
  await replacement.finish();
}

/**
 * Bytes that a dump of what is there takes, or why there can be none. Throws for that, unless it was told and
 * wanted nevertheless.
 */
export async function sizeToKeep(
  { settings, access }: Pick<DatabaseSource, "settings" | "access">,
  { force }: Pick<ReinstateWish, "force">,
  signal: AbortSignal,
): Promise<number | { readonly reason: string }> {
  const database = openDatabase(settings, access);
  try {
    return await database.estimate(signal);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const reason = `what is in ${database.label} now cannot be kept: ${error.message}`;
    if (force) return { reason };
    throw new HoldfastError(error.code, reason, {
      hint: "mend that; or say --force to go on without a copy of it, which then is lost",
      cause: error,
    });
  }
}

/** For names of folders, in UTC: `2026-11-21T15-04-05`. */
export function stampOf(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(":", "-");
}
