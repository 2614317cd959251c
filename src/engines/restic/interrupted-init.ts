// Knows: what a restic that was killed while it made a repository leaves behind. Must not know: how one is made.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";

/**
 * Moves the keys of an interrupted init out of the way. It leaves a key and no configuration: newer
 * versions of restic then refuse to make a repository, and 0.14 makes one that cannot be opened. Only
 * where there is no snapshot; and nothing is deleted.
 */
export async function setAsideKeys(host: Host, path: string, signal: AbortSignal): Promise<void> {
  const [config, keys, snapshots] = await host.inspect(
    ["config", "keys", "snapshots"].map((name) => posix.join(path, name)),
    signal,
  );
  const interrupted = config?.kind === "missing" && keys?.kind === "directory" && !keys.empty;
  const holdsNothing =
    snapshots?.kind === "missing" || (snapshots?.kind === "directory" && snapshots.empty);
  if (!interrupted || !holdsNothing) return;

  const stamp = new Date().toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  await host.run(
    {
      argv: ["mv", posix.join(path, "keys"), posix.join(path, `keys-of-interrupted-init-${stamp}`)],
      effect: "writes",
    },
    signal,
  );
}
