// Knows: how what is in a folder gives way to something else, and comes back. Must not know: what it is.
import * as z from "zod";
import type { Command, Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";

/**
 * A folder whose entries are replaced. The folder itself stays: a container that has it mounted would go on
 * seeing the old one, and it may be a mount point or a subvolume. It can be written down.
 */
export const ReplacedFolder = z.object({
  place: z.string(),
  /** Where its entries are kept, on the same file system. Made when they are moved there. */
  kept: z.string(),
  /** Names in it that are not touched: our own. */
  spared: z.array(z.string()),
});
export type ReplacedFolder = z.output<typeof ReplacedFolder>;

function writes(...argv: Command["argv"]): Command {
  return { argv, effect: "writes" };
}

/** Moves whatever is in a folder, each entry in one moment. What is there under the same name stays. */
function moveEntries(from: string, to: string, spared: readonly string[] = []): Command {
  const others = spared.flatMap((name) => ["!", "-name", name]);
  const move = ["-exec", "mv", "--no-clobber", `--target-directory=${to}`, "--", "{}", "+"];
  return writes("find", from, "-mindepth", "1", "-maxdepth", "1", ...others, ...move);
}

/** Says that all that was in the place has left it: what is there now is new. */
const movedAway = (kept: string): string => `${kept}.moved-away`;
const restored = (kept: string): string => `${kept}.restored`;

/** Keeps what is in the place, and moves the entries of `fresh` there. */
export async function replaceFolder(
  host: Host,
  { place, kept, spared }: ReplacedFolder,
  { fresh, signal }: { readonly fresh: string; readonly signal: AbortSignal },
): Promise<void> {
  await host.run(writes("mkdir", "--parents", "--mode=0700", "--", kept), signal);
  await host.run(moveEntries(place, kept, spared), signal);
  await mustBeEmpty(host, { folder: place, spared }, signal);
  await host.run(writes("touch", "--", movedAway(kept)), signal);
  await host.run(writes("sync", "--file-system", "--", kept), signal);
  await host.run(moveEntries(fresh, place), signal);
  await mustBeEmpty(host, { folder: fresh, spared: [] }, signal);
}

/**
 * Brings back what was in the place, and removes what came instead. May be repeated after a crash at any
 * moment, and when nothing was done.
 */
export async function putFolderBack(
  host: Host,
  { place, kept, spared }: ReplacedFolder,
  signal: AbortSignal,
): Promise<void> {
  const [folder, marker] = await host.inspect([kept, movedAway(kept)], signal);
  if (folder?.kind === "directory") {
    if (marker?.kind === "file") {
      await host.run(writes("mkdir", "--parents", "--mode=0700", "--", restored(kept)), signal);
      await host.run(moveEntries(place, restored(kept), spared), signal);
      // From here on, what is in the place is what was there.
      await host.run(writes("rm", "--force", "--", movedAway(kept)), signal);
      await host.run(writes("sync", "--file-system", "--", kept), signal);
    }
    await host.run(moveEntries(kept, place), signal);
    await mustBeEmpty(host, { folder: kept, spared: [] }, signal);
    await host.run(writes("rmdir", "--", kept), signal);
  }
  const left = [movedAway(kept), restored(kept)];
  await host.run(
    writes("rm", "--recursive", "--force", "--one-file-system", "--", ...left),
    signal,
  );
}

/** What is no longer needed once what came instead is to stay. */
export async function forgetMoves(
  host: Host,
  { kept }: ReplacedFolder,
  signal: AbortSignal,
): Promise<void> {
  await host.run(writes("rm", "--force", "--", movedAway(kept)), signal);
}

/** What `mv --no-clobber` leaves behind, it does not tell. */
async function mustBeEmpty(
  host: Host,
  { folder, spared }: { readonly folder: string; readonly spared: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const others = spared.flatMap((name) => ["!", "-name", name]);
  const argv = [
    "find",
    folder,
    "-mindepth",
    "1",
    "-maxdepth",
    "1",
    ...others,
    "-print0",
    "-quit",
  ] as const;
  const { stdout } = await host.run({ argv: [...argv], effect: "reads" }, signal);
  const [left = ""] = stdout.split("\0");
  if (left === "") return;
  throw new HoldfastError("target-invalid", `${left} could not be moved away`, {
    hint: "something of that name came to be there meanwhile: end what writes there, then try again",
  });
}
