// Knows: which snapshots a repository holds. Must not know: what becomes of them.
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import { codeOf } from "./errors.ts";
import { isLeftover, type Places } from "./layout.ts";
import { momentOf } from "./names.ts";
import { type Lying, readRecord } from "./record.ts";

/** What lies in a repository. */
export interface Contents {
  /** Oldest first. */
  readonly snapshots: readonly Lying[];
  /** Every name that is taken among them, whatever has it. */
  readonly taken: ReadonlySet<string>;
  /** What interrupted backups and removals left, by name. */
  readonly leftovers: readonly string[];
}

/** A repository, as far as its files are concerned. */
export interface Library {
  readonly places: Places;
  /** For messages. */
  readonly name: string;
  /** How its snapshots are named. */
  readonly format: string;
}

/** Whether there is a repository. */
export function isThere({ places }: Library): boolean {
  try {
    return statSync(places.store, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** Looks. Throws `repository-missing`. */
export function lookInto(library: Library): Contents {
  const { places, name: repository } = library;
  if (!isThere(library)) {
    throw new HoldfastError(
      "repository-missing",
      `repository "${repository}" does not exist at ${places.root}`,
      { hint: `create it with: holdfast init` },
    );
  }
  const entries = entriesOf(places.snapshots);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const snapshots = folders
    .filter((name) => !name.startsWith("."))
    .map((name) => lyingOf(library, name))
    .toSorted((a, b) => a.time.getTime() - b.time.getTime() || (a.name < b.name ? -1 : 1));
  return {
    snapshots,
    taken: new Set(entries.map(({ name }) => name)),
    leftovers: folders.filter(isLeftover),
  };
}

function lyingOf({ places, format }: Library, name: string): Lying {
  const record = readRecord(places, name);
  const dated = momentOf(name, format);
  const time =
    record === undefined
      ? (dated ?? statSync(join(places.snapshots, name)).mtime)
      : new Date(record.time);
  return { name, time, isDated: dated !== undefined, record };
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // Nothing was ever kept there.
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
