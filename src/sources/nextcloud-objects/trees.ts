// Knows: which rows of a file cache belong to which tree, and under which path. Must not know: where rows come from.

/** A part of a storage that is wanted, and the folder of a snapshot that it comes to. */
export interface Tree {
  /** The number of the storage. */
  readonly storage: number;
  readonly folder: string;
  /** Path in the storage, without slashes at its ends. Empty: all that belongs to people. */
  readonly path: string;
}

/** What a storage holds besides the files, and is left out unless it is asked for. */
export const extras = {
  trashbin: "files_trashbin",
  versions: "files_versions",
  uploads: "uploads",
} as const;
export type Extra = keyof typeof extras;

// Nextcloud's own: nobody's files. Scratch, and keys to what only Nextcloud can read.
const neverAskedFor = ["cache", "files_encryption"];

/** Says of each row where it goes. */
export interface Forest {
  /** Where the trees come to: the paths in a snapshot of what they begin with. */
  readonly roots: ReadonlySet<string>;
  /** The paths in a snapshot that a row has: none, one, or several where trees overlap. */
  pathsOf(storage: number, path: string): readonly string[];
}

export function forestOf(trees: readonly Tree[], include: ReadonlySet<Extra>): Forest {
  const left = new Set<string>(neverAskedFor);
  for (const extra of ["trashbin", "versions", "uploads"] as const) {
    if (!include.has(extra)) left.add(extras[extra]);
  }
  const byStorage = Map.groupBy(trees, ({ storage }) => storage);
  return {
    roots: new Set(trees.map((tree) => targetOf(tree, tree.path))),
    pathsOf(storage, path) {
      const holders = byStorage.get(storage) ?? [];
      const paths = holders
        .filter((tree) => isIn(tree, path) && !isLeftOut(tree, path, left))
        .map((tree) => targetOf(tree, path));
      return paths.length < 2 ? paths : [...new Set(paths)];
    },
  };
}

/** The path in a snapshot of a path in the storage of a tree. */
export function targetOf({ folder }: Tree, path: string): string {
  return path === "" ? folder : `${folder}/${path}`;
}

/** Exact, and by whole names: `files/a_b` holds neither `files/aXb` nor `files/a_bc`. */
function isIn({ path: root }: Tree, path: string): boolean {
  return root === "" || path === root || (path.startsWith(root) && path[root.length] === "/");
}

/** A tree whose own path leads to what is left out otherwise has asked for it. */
function isLeftOut({ path: root }: Tree, path: string, left: ReadonlySet<string>): boolean {
  const first = firstName(path);
  return left.has(first) && firstName(root) !== first;
}

function firstName(path: string): string {
  const slash = path.indexOf("/");
  return slash === -1 ? path : path.slice(0, slash);
}
