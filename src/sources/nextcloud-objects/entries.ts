// Knows: how rows become what a snapshot is to hold. Must not know: who keeps it, and where rows come from.
import type { Row } from "../../databases/database.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { ObjectEntry } from "../../kernel/prepared-source.ts";
import type { Census } from "./census.ts";
import type { Options, TreeChoice } from "./options.ts";
import {
  filesQuery,
  foldersQuery,
  homesQuery,
  otherFilesQuery,
  storagesQuery,
  typesQuery,
  type Wanted,
} from "./queries.ts";
import { isUnfinished, modifiedOf, readFileRow } from "./rows.ts";
import type { View } from "./setting.ts";
import { findStorage, type StorageChoice } from "./storages.ts";
import { type Extra, type Forest, forestOf, targetOf, type Tree } from "./trees.ts";
import { excludedTypes, type TypeRow } from "./types-of-files.ts";

/** What is wanted, of whom, and who counts. */
export interface Reading {
  readonly view: View;
  readonly options: Pick<Options, "trees" | "include" | "exclude-mimetypes">;
  readonly keyPrefix: string;
  readonly census: Census;
}

/** What a reading has found out before the first file. */
export interface Plan {
  readonly forest: Forest;
  readonly trees: readonly Tree[];
}

/**
 * Finds the storages of the trees. One that is not there is counted as empty: the others are worth a backup.
 * Throws `source-missing` when there is none of them.
 */
export async function planReading(reading: Reading, signal: AbortSignal): Promise<Plan> {
  const { view, options, census } = reading;
  const [storages = [], homes = []] = await allRows(
    view,
    [storagesQuery(view.tables), homesQuery(view.tables)],
    signal,
  );
  const known = {
    storages: storages.map(([number, id]) => ({ number: Number(number), id: id ?? "" })),
    homes: homes.map(([user, storage]) => ({ user: user ?? "", storage: Number(storage) })),
  };
  const trees: Tree[] = [];
  const missing: string[] = [];
  for (const tree of options.trees) {
    const found = findStorage(tree.choice, known.storages, known.homes);
    if ("number" in found) {
      trees.push({ storage: found.number, folder: tree.folder, path: tree.path });
      continue;
    }
    missing.push(found.missing);
    census.emptyTree(nameOf(tree), found.missing);
  }
  if (trees.length === 0) throw nothingThere(missing, options.trees);
  return { trees, forest: forestOf(trees, new Set<Extra>(options.include)) };
}

function nothingThere(missing: readonly string[], trees: readonly TreeChoice[]): HoldfastError {
  const isOfUser = trees.some(({ choice }) => "user" in choice);
  const hint = isOfUser
    ? "correct the trees: users are named as they log in, and have a storage once they have done so"
    : "correct the trees: see the table oc_storages";
  return new HoldfastError("source-missing", missing.join("; "), { hint });
}

/** Everything that a snapshot is to hold: folders, then files in the order of the bytes of their keys. */
export async function* readEntries(
  reading: Reading,
  { forest, trees }: Plan,
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectEntry[]> {
  const { view, options, census, keyPrefix } = reading;
  const wanted = wantedOf(trees);
  const queries = [
    typesQuery(view.tables),
    foldersQuery(view.tables, wanted),
    filesQuery(view.tables, wanted),
    otherFilesQuery(view.tables, wanted),
  ];
  const types: TypeRow[] = [];
  const seen = new Set<string>();
  let excluded: ReadonlySet<number> | undefined;
  for await (const { query, rows } of view.rows(queries, signal)) {
    if (query === 0) types.push(...rows.map(readTypeRow));
    if (query === 1) yield rows.flatMap((row) => foldersOf(row, forest, seen));
    if (query === 2) {
      excluded ??= excludedTypes(options["exclude-mimetypes"], types);
      yield filesOf(rows, { forest, excluded, census, keyPrefix, seen, options });
    }
    if (query === 3) for (const [number] of rows) census.row(Number(number));
  }
  for (const tree of trees) {
    const root = targetOf(tree, tree.path);
    if (!seen.has(root)) census.emptyTree(`tree "${root}"`, "there is nothing at this path");
  }
}

function readTypeRow([number, name]: Row): TypeRow {
  return { number: Number(number), name: name ?? "" };
}

function foldersOf(row: Row, forest: Forest, seen: Set<string>): readonly ObjectEntry[] {
  const [storage, path, mtime] = row;
  return forest.pathsOf(Number(storage), path ?? "").map((target) => {
    if (forest.roots.has(target)) seen.add(target);
    return { kind: "folder", path: target, ...modifiedOf(mtime) };
  });
}

interface FileReading {
  readonly forest: Forest;
  readonly excluded: ReadonlySet<number>;
  readonly census: Census;
  readonly keyPrefix: string;
  readonly seen: Set<string>;
  readonly options: Pick<Options, "include">;
}

function filesOf(rows: readonly Row[], reading: FileReading): readonly ObjectEntry[] {
  const { forest, excluded, census, keyPrefix, seen, options } = reading;
  const keepsUploads = options.include.includes("uploads");
  return rows.flatMap((row) => {
    const file = readFileRow(row, keyPrefix);
    census.row(file.number);
    if (excluded.has(file.type)) return [];
    const targets = forest.pathsOf(file.storage, file.path);
    for (const path of targets) if (forest.roots.has(path)) seen.add(path);
    const [target] = targets;
    if (target !== undefined && isUnfinished(file.path)) {
      census.unfinished(target);
      if (!keepsUploads) return [];
    }
    return targets.map((path) => ({ kind: "file" as const, path, ...file.content }));
  });
}

/** What is asked of the database: each storage and path once, and none below another one. */
function wantedOf(trees: readonly Tree[]): readonly Wanted[] {
  const all = trees.map(({ storage, path }) => ({
    storage,
    prefix: path === "" ? "" : `${path}/`,
  }));
  return all.filter(
    (one, index) =>
      !all.some((other, at) => {
        if (at === index || other.storage !== one.storage) return false;
        if (other.prefix === one.prefix) return at < index;
        return one.prefix.startsWith(other.prefix);
      }),
  );
}

async function allRows(
  view: View,
  queries: readonly string[],
  signal: AbortSignal,
): Promise<readonly (readonly Row[])[]> {
  const all: Row[][] = queries.map(() => []);
  for await (const { query, rows } of view.rows(queries, signal)) all[query]?.push(...rows);
  return all;
}

function nameOf({ folder, choice }: { readonly folder: string; readonly choice: StorageChoice }) {
  return `tree "${folder}"${"user" in choice && choice.user !== folder ? ` of ${choice.user}` : ""}`;
}
