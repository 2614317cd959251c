// Knows: where a restored copy of a Nextcloud comes to be, and where that is kept which gives way. Reads only. Must not know: when it does.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import type { ReplacedFolder } from "../replaced-folder.ts";
import { inodesCommand, mountsCommand } from "./commands.ts";
import { mountsIn } from "./look.ts";

/** Where everything goes. All of it is on one file system, so that it can be moved in no time. */
export interface Places {
  /** What the copy is restored into. */
  readonly workspace: string;
  /** What was there, in the order of a staging folder. */
  readonly kept: string;
  readonly data: ReplacedFolder;
  /** Custom apps and themes, by their last name. */
  readonly extra: ReadonlyMap<string, ReplacedFolder>;
  /** Those that are on another file system, or no folders: they are not put back. */
  readonly left: readonly string[];
}

/** What is to be placed. `stamp` makes names that are not there yet. */
export interface ToPlace {
  readonly host: Host;
  readonly data: string;
  readonly extra: readonly string[];
  readonly stamp: string;
}

/** Our own folders in a data directory. Nextcloud takes none for a user's, and none of them is moved. */
const spared = [".holdfast-before-*", ".holdfast-restoring-*"];

/** Decides. What is beside the data directory is better: it is not backed up with it. */
export async function placesFor(
  { host, data, extra, stamp }: ToPlace,
  signal: AbortSignal,
): Promise<Places> {
  const above = posix.dirname(data);
  const existing = await foldersAmong(host, [data, above, ...extra], signal);
  const devices = await devicesOf(host, existing, signal);
  const { stdout: mounts } = await host.run(mountsCommand, signal);
  const isMounted = (path: string): boolean => mountsIn(mounts, posix.dirname(path)).includes(path);
  const isThere = existing.includes(data);
  const isBeside = !isThere || (!isMounted(data) && devices.get(data) === devices.get(above));
  const device = devices.get(isThere ? data : above);
  const near = extra.filter((path) => devices.get(path) === device && !isMounted(path));
  const kept = isBeside ? `${data}.before-${stamp}` : posix.join(data, `.holdfast-before-${stamp}`);
  return {
    workspace: isBeside
      ? posix.join(above, `.${posix.basename(data)}.restoring-${stamp}`)
      : posix.join(data, `.holdfast-restoring-${stamp}`),
    kept,
    data: { place: data, kept: posix.join(kept, posix.basename(data)), spared },
    extra: new Map(
      near.map((path) => {
        const name = posix.basename(path);
        return [name, { place: path, kept: posix.join(kept, "extra", name), spared }];
      }),
    ),
    left: extra.filter((path) => !near.includes(path)),
  };
}

async function foldersAmong(
  host: Host,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const states = await host.inspect(paths, signal);
  return paths.filter((_, index) => states[index]?.kind === "directory");
}

async function devicesOf(
  host: Host,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  const { stdout } = await host.run(inodesCommand(paths), signal);
  const lines = stdout.trimEnd().split("\n");
  return new Map(paths.map((path, index) => [path, lines[index]?.split(" ")[1] ?? ""]));
}
