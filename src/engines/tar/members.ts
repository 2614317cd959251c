// Knows: how a path is named in an archive, and how a pattern is written there. Pure. Must not know: what is done with it.
import { join } from "node:path";
import type { Manifest } from "./manifest.ts";

/**
 * How the members of an archive are named: by their whole path without the first slash, or as seen from a
 * root (`./data/…`), which only the manifest tells.
 */
export type Naming =
  | { readonly kind: "absolute" }
  | { readonly kind: "rooted"; readonly root?: string };

/** An archive without a manifest is the Nextcloud backup script's, which names members as seen from its folder. */
export function namingOf(manifest: Manifest | undefined): Naming {
  if (manifest === undefined) return { kind: "rooted" };
  return namingFor(manifest);
}

/** How the members of a new archive are named. */
export function namingFor(source: {
  readonly root?: string | undefined;
  readonly paths: readonly string[];
}): Naming {
  const root = rootFor(source);
  return root === undefined ? { kind: "absolute" } : { kind: "rooted", root };
}

/** Whoever backs up the whole file system has members such as `./etc`, not `etc`. */
export function rootFor(source: {
  readonly root?: string | undefined;
  readonly paths: readonly string[];
}): string | undefined {
  return source.root ?? (source.paths.includes("/") ? "/" : undefined);
}

/** What a path is called in an archive. A root may be left out of it, or be there. */
export function memberNamed(path: string, naming: Naming): string {
  const bare = path === "/" ? path : path.replace(/\/+$/, "");
  if (naming.kind === "absolute") return bare.replace(/^\/+/, "") || ".";
  const { root } = naming;
  if (root !== undefined && (bare === root || path === root)) return ".";
  const below =
    root !== undefined && bare.startsWith(folder(root)) ? bare.slice(folder(root).length) : bare;
  const plain = below.replace(/^(\.?\/+)+/, "");
  return plain === "" || plain === "." ? "." : `./${plain}`;
}

/** The path that a member stands for; of one whose root nobody knows, as if that were `/`. */
export function pathOf(member: string, naming: Naming): string {
  if (naming.kind === "absolute") return `/${member}`;
  return join(naming.root ?? "/", member);
}

/**
 * A pattern of the configuration as an option of tar. One that begins with a slash means that one place;
 * any other fits at every depth.
 */
export function excludeOptions(pattern: string, root: string | undefined): readonly string[] {
  if (!pattern.startsWith("/")) return [`--exclude=${pattern}`];
  const inside = root === undefined ? pattern.replace(/^\/+/, "") : insideOf(pattern, root);
  return ["--anchored", `--exclude=${inside}`, "--no-anchored"];
}

// What lies elsewhere fits nothing, and must not by chance.
function insideOf(pattern: string, root: string): string {
  const inside = folder(root);
  return pattern.startsWith(inside) ? `./${pattern.slice(inside.length)}` : pattern;
}

function folder(root: string): string {
  return root.endsWith("/") ? root : `${root}/`;
}
