// Knows: how a journal is put together. Must not know: what any part of it does.
import { join } from "node:path";
import { acceptanceMethods } from "./acceptance.ts";
import { factMethods } from "./facts.ts";
import { openForReading, openForWriting } from "./file.ts";
import type { Journal } from "./journal.ts";
import { lockMethods } from "./locks.ts";
import { type Processes, processesWithSigns, withdrawSign } from "./owner.ts";
import { promiseMethods } from "./promises.ts";
import { runMethods } from "./runs.ts";
import { SignsOfLife } from "./sign-of-life.ts";
import { useMethods } from "./uses.ts";

/** How a journal is opened. */
export interface OpenJournalOptions {
  /** Nothing is created or changed; every method that would write throws. Default: false. */
  readonly readOnly?: boolean;
  /** The clock. Default: the machine's. */
  readonly now?: () => Date;
  /** Who this process is and which others live. Default: asked of the machine. */
  readonly processes?: Processes;
}

/**
 * Opens the journal in a directory, `journal.sqlite`, and creates both if they are not there. A
 * process that begins a run or takes a lock shows in the folder `alive` beside it that it lives.
 *
 * Read only, a journal that does not exist yet is an empty one. Many processes may have it open.
 * Throws `journal-unusable` when the file cannot be used, is damaged, or was written by a newer
 * version.
 */
export function openJournal(directory: string, options: OpenJournalOptions = {}): Journal {
  const file = join(directory, "journal.sqlite");
  const readOnly = options.readOnly === true;
  const database = readOnly ? openForReading(file) : openForWriting(file);
  const signs = new SignsOfLife(join(directory, "alive"));
  const parts = {
    database,
    now: options.now ?? ((): Date => new Date()),
    processes: options.processes ?? processesWithSigns(signs),
    signs,
  };
  return {
    ...runMethods(parts),
    ...promiseMethods(parts),
    ...lockMethods(parts),
    ...useMethods(parts),
    ...acceptanceMethods(parts),
    ...factMethods(parts),
    [Symbol.dispose]: () => {
      if (!readOnly && database.isOpen) withdrawSign(parts);
      database[Symbol.dispose]();
    },
  };
}
