// Knows: how a path is found in snapshots, which are plain files. Must not know: what is done with it.
import { posix } from "node:path";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Found } from "../engine.ts";
import { snapshotPath } from "./commands.ts";
import { insideOf } from "./restore.ts";
import type { Side } from "./side.ts";

// Each adds to the length of a command.
const snapshotsAtOnce = 100;

/** Which snapshots hold a path, newest first. `*`, `?` and `[…]` are those of find's tests. */
export async function findIn(
  side: Side,
  asked: { readonly path: string; readonly snapshots: readonly Snapshot[] },
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const newestFirst = asked.snapshots
    .toReversed()
    .toSorted((a, b) => b.time.getTime() - a.time.getTime());
  const found: Found[] = [];
  for (let start = 0; start < newestFirst.length; start += snapshotsAtOnce) {
    const some = newestFirst.slice(start, start + snapshotsAtOnce);
    const bySnapshot = await findInSome(side, { path: asked.path, snapshots: some }, signal);
    found.push(...some.flatMap(({ id }) => bySnapshot.get(id) ?? []));
  }
  return found;
}

async function findInSome(
  side: Side,
  { path, snapshots }: { readonly path: string; readonly snapshots: readonly Snapshot[] },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Found[]>> {
  const roots = new Map(snapshots.map((each) => [snapshotPath(side.location, each.id), each]));
  const { starts, test } = searchFor(path, [...roots]);
  const argv = ["find", ...starts, ...test, "-printf", "%H\\0%P\\0%s\\0%T@\\0"];
  const { stdout } = await side.run(
    // 1: some snapshots do not have it, or a folder cannot be read.
    { argv: ["find", ...argv.slice(1)], effect: "reads", okExits: [0, 1] },
    signal,
  );
  const fields = stdout.split("\0");
  const found = new Map<string, Found[]>();
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [start = "", rest = "", size, modified] = fields.slice(at, at + 4);
    const whole = rest === "" ? start : `${start}/${rest}`;
    const root = [...roots.keys()].find((each) => whole === each || whole.startsWith(`${each}/`));
    const snapshot = root === undefined ? undefined : roots.get(root);
    if (root === undefined || snapshot === undefined) continue;
    const list = found.get(snapshot.id) ?? [];
    list.push({
      snapshot: snapshot.id,
      path: posix.join(snapshot.paths?.[0] ?? "/", whole.slice(root.length)),
      bytes: Number(size),
      modified: new Date(Number(modified) * 1000),
    });
    found.set(snapshot.id, list);
  }
  return found;
}

/** A whole path without wildcards is looked at; anything else is searched for. */
function searchFor(
  path: string,
  roots: readonly (readonly [string, Snapshot])[],
): { readonly starts: readonly string[]; readonly test: readonly string[] } {
  const every = roots.map(([root]) => root);
  if (!path.includes("/")) return { starts: every, test: ["-mindepth", "1", "-name", path] };
  if (!path.startsWith("/")) return { starts: every, test: ["-path", `*/${path}`] };
  const inside = (snapshot: Snapshot): string => insideOf(path, { paths: snapshot.paths ?? [] });
  if (!/[*?[\]\\]/.test(path)) {
    const starts = roots.map(([root, snapshot]) => posix.join(root, inside(snapshot)));
    return { starts, test: ["-maxdepth", "0"] };
  }
  const patterns = roots.map(([root, snapshot]) => `${literal(root)}/${inside(snapshot)}`);
  const tests = patterns.flatMap((pattern) => ["-o", "-path", pattern]).slice(1);
  return { starts: every, test: ["(", ...tests, ")"] };
}

function literal(path: string): string {
  return path.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}
