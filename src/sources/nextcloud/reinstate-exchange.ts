// Knows: how a restored Nextcloud and the one that is there change places, all together or not at all. Must not know: what was decided before, and what is done after.
import { posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../../hosts/host.ts";
import { interruption } from "../../hosts/interruption.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { LedgerEntry } from "../../kernel/ledger.ts";
import { maintenanceUndoings, openMaintenance, runOcc } from "../../nextcloud/index.ts";
import type { Maintenance } from "../../nextcloud/instance.ts";
import { maintenanceFile, putFile } from "../../nextcloud/maintenance-commands.ts";
import type { ReinstateWish, ReinstateWork } from "../reinstatement.ts";
import { keepDatabase, type ReplacedDatabase, replaceDatabase } from "../replaced-database.ts";
import { keepFiles } from "../replaced-files.ts";
import { replaceFolder } from "../replaced-folder.ts";
import { Replacement } from "../replacement.ts";
import { openDatabase } from "../../databases/index.ts";
import type { Ground } from "./look.ts";
import { dumpName } from "./layout.ts";
import { type NewConfig, putConfig } from "./reinstate-config.ts";
import type { NextcloudCopy } from "./reinstate-copy.ts";
import type { Places } from "./reinstate-places.ts";
import { type Present, presentOf } from "./reinstate-present.ts";
import type { Setup } from "./setup.ts";

/** What was decided before a snapshot was restored. */
export interface Decided {
  readonly setup: Setup;
  readonly wish: ReinstateWish;
  readonly ground: Ground;
  readonly present: Present;
  readonly places: Places;
  /** Bytes that a dump of what is there takes, or why it cannot be kept, or that it is kept with the data. */
  readonly size: number | "with the data" | { readonly reason: string };
  /** Where the database is in the data directory, where it is there. */
  readonly databaseInData?: string;
}

/** What changes places. */
export interface Parts {
  readonly decided: Decided;
  readonly found: NextcloudCopy;
  readonly settings: NewConfig | undefined;
  readonly upgradeDue: boolean;
}

/** What is still to be done when it has happened. */
export interface Exchanged {
  readonly notes: readonly string[];
  readonly replacement: Replacement;
  /** What ends it. Absent: it was on before, and stays so. */
  readonly maintenance?: Maintenance;
}

/** Does it. After any failure what was there is there again, and maintenance is as it was. */
export async function exchange(parts: Parts, work: ReinstateWork): Promise<Exchanged> {
  const { setup, places, present } = parts.decided;
  const { host, ledger } = setup.access;
  const quiet = await quietFor(parts.decided, work.signal);
  const kept = keptDatabase(parts.decided);
  const replaced = {
    kept: places.kept,
    folders: [places.data, ...extraOf(parts).map(({ folder }) => folder)],
    ...(kept === undefined ? {} : { database: kept }),
    ...(parts.settings === undefined ? {} : { files: parts.settings.files }),
    ...(quiet === undefined ? {} : { last: quiet.entry }),
  };
  const made = {
    host,
    ledger,
    subject: `the Nextcloud in ${parts.decided.ground.data}`,
    undoings: maintenanceUndoings({ get: () => host }),
    ...(typeof parts.decided.size === "object" ? { unkept: "its database" } : {}),
  };
  await flush(host, parts.found.data, work.signal);
  const replacement = await Replacement.begin(made, replaced, work.signal);
  try {
    if (parts.settings !== undefined) await keepFiles(host, parts.settings.files, work.signal);
    if (quiet !== undefined) await switchOn(parts, quiet, work);
    await changeFiles(parts, kept, work);
    await changeDatabase(parts, kept, work);
    const notes = await changeSettings(parts, quiet, work);
    await replacement.commit(work.signal);
    return {
      notes: [...notes, ...stillOn(present)],
      replacement,
      ...(quiet === undefined ? {} : { maintenance: quiet.maintenance }),
    };
  } catch (error) {
    return await replacement.failed(error);
  }
}

interface Quiet {
  readonly maintenance: Maintenance;
  readonly entry: LedgerEntry;
}

/** How maintenance is switched, where it is not on already. */
async function quietFor(
  { setup, present }: Decided,
  signal: AbortSignal,
): Promise<Quiet | undefined> {
  if (present.inMaintenance) return undefined;
  const { maintenance: way } = setup.options;
  // Where occ does nothing, only a file can switch.
  return await openMaintenance(
    present.access,
    present.trouble === undefined ? way : "file",
    signal,
  );
}

function stillOn({ inMaintenance }: Present): readonly string[] {
  return inMaintenance ? ["Nextcloud was in maintenance before, and still is"] : [];
}

async function switchOn(
  { decided }: Parts,
  { maintenance, entry }: Quiet,
  { signal, tell }: ReinstateWork,
): Promise<void> {
  const { present, setup } = decided;
  tell("switching maintenance on");
  if (present.trouble === undefined) {
    await maintenance.switchOn(signal);
    await pause(setup.options.settle, signal);
    return;
  }
  // Nobody can say whether it is heeded; whoever could use the Nextcloud now sees it fail anyway.
  const { config = "" } = present.access;
  const place = { config, token: String(entry.data["token"]) };
  const outcome = await putFile(present.access.host, place, signal);
  if (outcome === "done") return;
  const reason = typeof outcome === "object" ? outcome.reason : outcome;
  throw new HoldfastError("maintenance-failed", `${maintenanceFile} cannot be written: ${reason}`, {
    hint: `run holdfast as a user who may write in ${config}`,
  });
}

/** What Nextcloud was doing when it was switched goes on for a moment. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw interruption(signal, "waiting for what Nextcloud was doing");
  }
}

function keptDatabase({ setup, places, size }: Decided): ReplacedDatabase | undefined {
  if (typeof size !== "number") return undefined;
  return {
    through: [...setup.options.database.through],
    kept: posix.join(places.kept, dumpName("none")),
    connection: posix.join(places.kept, ".connection"),
  };
}

function extraOf({ decided, found }: Parts) {
  return [...decided.places.extra].flatMap(([name, folder]) => {
    const fresh = found.extra.get(name);
    return fresh === undefined ? [] : [{ folder, fresh }];
  });
}

async function changeFiles(
  parts: Parts,
  kept: ReplacedDatabase | undefined,
  { signal, tell }: ReinstateWork,
): Promise<void> {
  const { decided, found } = parts;
  const { setup, present, places, ground, databaseInData } = decided;
  const { host } = setup.access;
  if (kept !== undefined) {
    tell("dumping what is in the database now");
    await keepDatabase(host, kept, { settings: present.database, signal });
  }
  if (databaseInData !== undefined) {
    await withoutDatabase(host, posix.join(found.data, databaseInData), signal);
  }
  tell(`moving files into ${ground.data}`);
  await makeLike(host, { missing: ground.data, like: found.data }, signal);
  await replaceFolder(host, places.data, { fresh: found.data, signal });
  for (const { folder, fresh } of extraOf(parts)) {
    await replaceFolder(host, folder, { fresh, signal });
  }
}

/** The file of a database that was copied while it was in use: the dump is what counts. */
async function withoutDatabase(host: Host, file: string, signal: AbortSignal): Promise<void> {
  const files = ["", "-wal", "-shm", "-journal"].map((end) => `${file}${end}`);
  await host.run({ argv: ["rm", "--force", "--", ...files], effect: "writes" }, signal);
}

async function makeLike(
  host: Host,
  { missing, like }: { readonly missing: string; readonly like: string },
  signal: AbortSignal,
): Promise<void> {
  const [state] = await host.inspect([missing], signal);
  if (state?.kind !== "missing") return;
  const run = async (...argv: [string, ...string[]]): Promise<void> => {
    await host.run({ argv, effect: "writes" }, signal);
  };
  await run("mkdir", "--mode=0700", "--", missing);
  await run("chown", `--reference=${like}`, "--", missing);
  await run("chmod", `--reference=${like}`, "--", missing);
}

async function changeDatabase(
  { decided, found }: Parts,
  kept: ReplacedDatabase | undefined,
  { signal, tell }: ReinstateWork,
): Promise<void> {
  const { setup, present } = decided;
  const { host } = setup.access;
  const { through } = setup.options.database;
  tell("replacing what is in the database");
  if (kept !== undefined) {
    const request = { settings: present.database, dump: found.dump, signal };
    await replaceDatabase(host, kept, request);
    return;
  }
  await openDatabase(present.database, { host, through }).restore({ file: found.dump }, signal);
}

/** Puts the configuration there, and makes sure that Nextcloud finds database and files with it. */
async function changeSettings(
  { decided, settings }: Parts,
  quiet: Quiet | undefined,
  { signal, tell }: ReinstateWork,
): Promise<readonly string[]> {
  const { setup, present, wish } = decided;
  const { host } = setup.access;
  if (settings !== undefined) {
    tell(`putting the configuration into ${settings.files.place}`);
    const file = posix.join(settings.files.place, maintenanceFile);
    const [ours] = await host.inspect([file], signal);
    // What a file of ours says need not be said twice; else it would be over at once.
    const maintenance = quiet === undefined || ours?.kind !== "file";
    const ofPlace = wish.settings === "merged" ? present.system : {};
    const values = { ...ofPlace, maintenance };
    await putConfig(host, settings, { values, signal });
  }
  tell("telling clients of Nextcloud that it was put back");
  try {
    await mustAgree(decided, signal);
    const words = ["maintenance:data-fingerprint"] as const;
    await runOcc(present.access, { words, effect: "writes" }, signal);
    return [];
  } catch (error) {
    // It did nothing before either.
    if (present.trouble === undefined || !(error instanceof HoldfastError)) throw error;
    if (error.code === "interrupted") throw error;
    return [`occ still does nothing: ${error.message}`];
  }
}

async function mustAgree({ setup, present, wish }: Decided, signal: AbortSignal): Promise<void> {
  const now = await presentOf(setup, signal);
  if (now.trouble !== undefined) {
    throw new HoldfastError("command-failed", `occ does nothing any more: ${now.trouble}`);
  }
  if (wish.settings !== "merged") return;
  const other = Object.entries(present.system).find(
    ([key, value]) => JSON.stringify(now.system[key]) !== JSON.stringify(value),
  );
  if (other === undefined) return;
  throw new HoldfastError(
    "target-invalid",
    `a file of the snapshot's configuration sets ${other[0]} to something else than it is here`,
    {
      hint: "keep the settings that are there with --settings current, or take all of the snapshot's with --settings backup",
    },
  );
}

async function flush(host: Host, path: string, signal: AbortSignal): Promise<void> {
  const argv = ["sync", "--file-system", "--", path] as const;
  await host.run({ argv, effect: "writes" }, signal);
}
