// Knows: how a path is found in snapshots, which are plain files. Must not know: what is done with it.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Found } from "../engine.ts";
import { type Places, snapshotPlace } from "./layout.ts";

// Each adds to the length of a command.
const snapshotsAtOnce = 100;

/** Which snapshots hold a path, newest first. `*`, `?` and `[…]` are those of find's tests. */
export async function findIn(
  { host, places }: { readonly host: Host; readonly places: Places },
  asked: { readonly path: string; readonly snapshots: readonly Snapshot[] },
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const newestFirst = asked.snapshots
    .toReversed()
    .toSorted((a, b) => b.time.getTime() - a.time.getTime());
  const found: Found[] = [];
  for (let start = 0; start < newestFirst.length; start += snapshotsAtOnce) {
    const ids = newestFirst.slice(start, start + snapshotsAtOnce).map(({ id }) => id);
    const { stdout } = await host.run(
      {
        argv: [
          "find",
          ...ids.map((id) => snapshotPlace(places, id)),
          "-mindepth",
          "1",
          ...testFor(asked.path, ids, places),
          "-printf",
          String.raw`%H\0%P\0%s\0%T@\0`,
        ],
        effect: "reads",
        // 1: one has vanished, or a folder cannot be read.
        okExits: [0, 1],
      },
      signal,
    );
    const bySnapshot = Map.groupBy(parseFound(stdout), ({ snapshot }) => snapshot);
    found.push(...ids.flatMap((id) => bySnapshot.get(id) ?? []));
  }
  return found;
}

/** A name anywhere, the end of a path, or a path from the top. */
function testFor(path: string, ids: readonly string[], places: Places): readonly string[] {
  if (!path.includes("/")) return ["-name", path];
  if (!path.startsWith("/")) return ["-path", `*/${path}`];
  const inside = posix.normalize(path).replace(/(?<=.)\/$/, "");
  const tests = ids.flatMap((id) => [
    "-o",
    "-path",
    `${literal(snapshotPlace(places, id))}${inside}`,
  ]);
  return ["(", ...tests.slice(1), ")"];
}

function literal(path: string): string {
  return path.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}

function parseFound(stdout: string): readonly Found[] {
  const fields = stdout.split("\0");
  return Array.from({ length: Math.floor(fields.length / 4) }, (_, index) => {
    const [root = "", path = "", size, modified] = fields.slice(index * 4, index * 4 + 4);
    return {
      snapshot: posix.basename(root),
      path,
      bytes: Number(size),
      modified: new Date(Number(modified) * 1000),
    };
  });
}
