// Knows: how sources lie in a mirror, and the way back from there. Must not know: how they are copied.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Record } from "./record.ts";

/** How sources are given to rsync. */
export interface Sources {
  readonly paths: readonly string[];
  /** The paths as rsync takes them: with a slash at the end where the contents are meant. */
  readonly words: readonly string[];
  /** The contents of the only folder are at the root of the mirror; otherwise each is below its name. */
  readonly contents: boolean;
  /** Those of several that are folders without entries. */
  readonly empty?: readonly string[];
}

/** How sources would be given to rsync, if an only one is a folder. Pure. */
export function presumedSources(paths: readonly string[]): Sources {
  const [only] = paths;
  return only !== undefined && paths.length === 1
    ? { paths, words: [only.endsWith("/") ? only : `${only}/`], contents: true }
    : { paths, words: paths, contents: false };
}

/** Looks at the sources. Throws `source-missing`, `source-unreadable`, and `config-invalid` for two of one name. */
export async function lookAtSources(
  host: Host,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Sources> {
  const states = await host.inspect(paths, signal);
  for (const [index, path] of paths.entries()) {
    const state = states[index];
    if (state?.kind === "missing") {
      throw new HoldfastError("source-missing", `${path} is not there`);
    }
    if (state?.kind === "unreadable") {
      throw new HoldfastError("source-unreadable", `${path} cannot be read: ${state.reason}`);
    }
  }
  assertDistinct(paths);
  if (paths.length === 1 && states[0]?.kind === "directory") return presumedSources(paths);
  const empty = paths.filter((_, index) => {
    const state = states[index];
    return state?.kind === "directory" && state.empty;
  });
  return { paths, words: paths, contents: false, empty };
}

function assertDistinct(paths: readonly string[]): void {
  if (paths.length === 1) return;
  const seen = new Map<string, string>();
  for (const path of paths) {
    const name = posix.basename(path);
    const other = seen.get(name);
    if (name === "" || other !== undefined) {
      throw new HoldfastError(
        "config-invalid",
        name === ""
          ? `${path} has no name to be stored under beside other sources`
          : `${other} and ${path} would both be stored as "${name}"`,
        { hint: "in a mirror each source of a job needs a last name of its own: use two jobs" },
      );
    }
    seen.set(name, path);
  }
}

/** What is at the root of the mirror, by name; nothing where that is the business of the source. */
export function namesAtRoot({ contents, paths }: Sources): ReadonlySet<string> | undefined {
  return contents ? undefined : new Set(paths.map((path) => posix.basename(path)));
}

/** The path of a file in the snapshot, without a slash in front; empty for all of it. Nothing for one outside. */
export function pathInSnapshot(record: Record | undefined, path: string): string | undefined {
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, "");
  const { paths = [], contents = true } = record ?? {};
  for (const source of paths) {
    const below = posix.relative(source, clean);
    if (!clean.startsWith("/") || below === ".." || below.startsWith("../")) continue;
    return contents ? below : posix.join(posix.basename(source), below);
  }
  // As it is there: another program may have made it.
  const inside = posix.relative("/", posix.join("/", clean));
  return paths.length > 0 && clean.startsWith("/") ? undefined : inside;
}

/** Where a file of a snapshot came from. */
export function originalPath(record: Record | undefined, inSnapshot: string): string {
  const { paths = [], contents = true } = record ?? {};
  if (contents) return posix.join(paths[0] ?? "/", inSnapshot);
  const [name = "", ...rest] = inSnapshot.split("/");
  const source = paths.find((path) => posix.basename(path) === name) ?? `/${name}`;
  return posix.join(source, ...rest);
}
