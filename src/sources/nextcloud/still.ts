// Knows: in which order a database and files are kept while Nextcloud stands still, and that it goes on afterwards. Must not know: what is made of them.
import { posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database, Dump } from "../../databases/database.ts";
import { interruption } from "../../hosts/interruption.ts";
import { openMaintenance } from "../../nextcloud/index.ts";
import type { Instance } from "../../nextcloud/instance.ts";
import type { Keeping } from "./keep.ts";
import { dumpName } from "./layout.ts";
import type { Ground } from "./look.ts";
import type { Capture } from "./options.ts";
import { nextcloudOf, type Setup } from "./setup.ts";
import type { Staging } from "./staging.ts";
import { alreadyQuiet, type Quiet, Window } from "./window.ts";

/** What is known before maintenance, and what is found out in it. */
export interface Work {
  readonly setup: Setup;
  readonly ground: Ground;
  readonly staging: Staging;
  readonly instance: Instance;
  readonly database: Database;
  readonly capture: Capture;
  readonly keeping: Keeping;
}

/** What was kept while Nextcloud stood still. */
export interface Kept {
  readonly quiet: Quiet;
  readonly dumped: Dumped;
  readonly notes: readonly string[];
}

type Dumped = Awaited<Dump["finished"]>;

/**
 * Takes the view of the database first and keeps the files after it: so every row's file is there. The dump
 * goes on when maintenance is over.
 */
export async function keepStill(work: Work, signal: AbortSignal): Promise<Kept> {
  const { setup, staging, database, keeping, capture } = work;
  const { settle, database: how } = setup.options;
  const quiet = await openQuiet(work, signal);
  const stop = new AbortController();
  const inside = AbortSignal.any([quiet.signal, stop.signal]);
  let dump: Dump | undefined;
  try {
    await wait(settle, inside);
    const file = posix.join(staging.path, dumpName(how.compress));
    dump = database.dump({ file, compress: how.compress }, inside);
    dump.finished.catch((error: unknown) => stop.abort(error));
    await dump.viewTaken;
    const notes = await keeping.keep(inside);
    if (capture !== "direct") await quiet.close();
    const dumped = await dump.finished;
    return { quiet, dumped, notes: [...notes, ...(dumped.notes ?? [])] };
  } catch (error) {
    stop.abort(error);
    // Maintenance ends first; what still dumps may take its time to stop.
    await Promise.allSettled([quiet.close(), dump?.finished]);
    return await quiet.failed(error);
  }
}

async function openQuiet({ setup }: Work, signal: AbortSignal): Promise<Quiet> {
  const { options, access } = setup;
  const nextcloud = nextcloudOf(setup);
  const { maintenance, entry } = await openMaintenance(nextcloud, options.maintenance, signal);
  // Asked at the last moment: whoever switched it on since then is not done with it either.
  if (await maintenance.isOn(signal)) return alreadyQuiet(maintenance, signal);
  const budget = options.window === undefined ? {} : { budgetMs: options.window };
  return await Window.open({ maintenance, entry, ledger: access.ledger, ...budget }, signal);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw interruption(signal, "waiting in maintenance");
  }
}
