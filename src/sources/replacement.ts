// Knows: how the parts of an application give way to others all together, or not at all. Must not know: any application.
import { posix } from "node:path";
import * as z from "zod";
import type { Command, Host } from "../hosts/host.ts";
import { machineOf, type MachinesByName } from "../hosts/machines.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Ledger, Promised, Undo } from "../kernel/ledger.ts";
import { forgetDatabase, putDatabaseBack, ReplacedDatabase } from "./replaced-database.ts";
import { putFilesBack, ReplacedFiles } from "./replaced-files.ts";
import { forgetMoves, putFolderBack, ReplacedFolder } from "./replaced-folder.ts";

const kind = "replacement";

const Entry = z.object({
  kind: z.string(),
  subject: z.string(),
  data: z.record(z.string(), z.unknown()),
});

/** All that is replaced together, and where what was there is kept. It can be written down. */
export const Replaced = z.object({
  /** The folder of everything that is kept. */
  kept: z.string(),
  folders: z.array(ReplacedFolder),
  database: ReplacedDatabase.optional(),
  files: ReplacedFiles.optional(),
  /** What is put back last, when all else is there again: an application's maintenance. */
  last: Entry.optional(),
});
export type Replaced = z.output<typeof Replaced>;

const Data = z.object({ host: z.string().optional(), replaced: Replaced });

/** Where something is replaced, and who is to know of it. */
export interface ReplacementAccess {
  readonly host: Host;
  readonly ledger: Ledger;
  /** What a person calls it. */
  readonly subject: string;
  /** How the entries are undone that can be `last`. */
  readonly undoings: ReadonlyMap<string, Undo>;
  /** What is replaced and cannot be put back, as a person calls it. */
  readonly unkept?: string;
}

/**
 * A replacement that is under way. Until it is committed, everything can be put back, by `failed` or after
 * a crash by the ledger: one entry stands for all of it, so that there is never a mix.
 */
export class Replacement {
  readonly #access: ReplacementAccess;
  readonly #replaced: Replaced;
  readonly #promised: Promised;

  private constructor(access: ReplacementAccess, replaced: Replaced, promised: Promised) {
    this.#access = access;
    this.#replaced = replaced;
    this.#promised = promised;
  }

  /** Announces it, and makes the folder for what is kept. Nothing is replaced yet. */
  static async begin(
    access: ReplacementAccess,
    replaced: Replaced,
    signal: AbortSignal,
  ): Promise<Replacement> {
    const { host, ledger, subject } = access;
    const where = host.remote === undefined ? {} : { host: host.name };
    const promised = ledger.promise({ kind, subject, data: { ...where, replaced } });
    const begun = new Replacement(access, replaced, promised);
    try {
      await run(host, ["mkdir", "--mode=0700", "--", replaced.kept], signal);
    } catch (error) {
      // It may be somebody else's: nothing of it may be removed.
      promised.settle();
      throw error;
    }
    return begun;
  }

  /** Puts back what was there, and throws the error with that word. */
  async failed(error: unknown): Promise<never> {
    const { host, undoings } = this.#access;
    try {
      // Nobody's patience ends this: what is half replaced is of no use to anybody.
      await putBack({ host, undoings }, this.#replaced, new AbortController().signal);
      this.#promised.settle();
    } catch (worse) {
      throw stillOwed(error, worse, this.#replaced);
    }
    throw error instanceof HoldfastError ? withWord(error, this.#access) : error;
  }

  /** From now on it is done: whatever happens, what came stays. What is owed `last` is owed still. */
  async commit(signal: AbortSignal): Promise<void> {
    const { host } = this.#access;
    await run(host, ["sync", "--file-system", "--", this.#replaced.kept], signal);
    await run(host, ["touch", "--", committed(this.#replaced)], signal);
    await run(host, ["sync", "--file-system", "--", this.#replaced.kept], signal);
  }

  /** Ends it, once it is committed and what was owed `last` was done. What was there stays where it is kept. */
  async finish(): Promise<void> {
    const { host } = this.#access;
    const patience = new AbortController().signal;
    // While it is still promised: a file with a password must not be forgotten.
    await forget(host, this.#replaced, patience);
    this.#promised.settle();
    await run(host, ["rm", "--force", "--", committed(this.#replaced)], patience);
  }
}

/** Says that all was replaced. */
const committed = ({ kept }: Replaced): string => posix.join(kept, ".committed");

/** Removes what only putting it back needs. */
async function forget(
  host: Host,
  { folders, database }: Replaced,
  signal: AbortSignal,
): Promise<void> {
  for (const folder of folders) await forgetMoves(host, folder, signal);
  if (database !== undefined) await forgetDatabase(host, database, signal);
}

async function run(host: Host, argv: Command["argv"], signal: AbortSignal): Promise<void> {
  await host.run({ argv, effect: "writes" }, signal);
}

/** Brings it to its end: forwards where all was replaced, backwards otherwise. */
async function bringToEnd(
  { host, undoings }: Pick<ReplacementAccess, "host" | "undoings">,
  replaced: Replaced,
  signal: AbortSignal,
): Promise<void> {
  const [marker] = await host.inspect([committed(replaced)], signal);
  if (marker?.kind !== "file") {
    await putBack({ host, undoings }, replaced, signal);
    return;
  }
  await forget(host, replaced, signal);
  await undoLast(replaced, undoings, signal);
  await run(host, ["rm", "--force", "--", committed(replaced)], signal);
}

async function undoLast(
  { last }: Replaced,
  undoings: ReadonlyMap<string, Undo>,
  signal: AbortSignal,
): Promise<void> {
  if (last === undefined) return;
  const undo = undoings.get(last.kind);
  if (undo === undefined) throw new Error(`nobody knows how to undo ${last.kind}`);
  await undo(last, signal);
}

async function putBack(
  { host, undoings }: Pick<ReplacementAccess, "host" | "undoings">,
  replaced: Replaced,
  signal: AbortSignal,
): Promise<void> {
  const { kept, folders, database, files } = replaced;
  for (const folder of folders.toReversed()) await putFolderBack(host, folder, signal);
  if (database !== undefined) await putDatabaseBack(host, database, signal);
  if (files !== undefined) await putFilesBack(host, files, signal);
  await undoLast(replaced, undoings, signal);
  // All that it held is where it was.
  await run(host, ["rm", "--recursive", "--force", "--one-file-system", "--", kept], signal);
}

function withWord(
  { code, message, hint, cause }: HoldfastError,
  { unkept }: ReplacementAccess,
): HoldfastError {
  const but = unkept === undefined ? "" : `, but for ${unkept}, which could not be kept`;
  return new HoldfastError(code, `${message}; what was there is in place again${but}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}

function stillOwed(error: unknown, worse: unknown, { kept }: Replaced): unknown {
  if (!(worse instanceof HoldfastError)) return worse;
  const first = error instanceof Error ? error.message : String(error);
  return new HoldfastError(
    worse.code,
    `${first}; and what was there could not be put back: ${worse.message}`,
    {
      hint: `mend that, then: holdfast recover; what was there is in ${kept}`,
      cause: error,
    },
  );
}

/** How an interrupted replacement is put back. `undoings`: of the entries that can be `last`. */
export function replacementUndoings(
  machines: MachinesByName,
  undoings: ReadonlyMap<string, Undo>,
): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      kind,
      async (entry, signal) => {
        const { host, replaced } = Data.parse(entry.data);
        await bringToEnd({ host: machineOf(machines, host), undoings }, replaced, signal);
      },
    ],
  ]);
}
