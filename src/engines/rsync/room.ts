// Knows: whether what is to be copied will fit. Must not know: what is done about it.
import { HoldfastError } from "../../kernel/errors.ts";
import { formatSize } from "../../kernel/size.ts";
import type { Work } from "../engine.ts";
import type { Mirror } from "./mirror.ts";
import { passTransfer, type Copying } from "./passes.ts";
import type { Record } from "./record.ts";

// With more than this free, and twice what the last backup took, nobody needs to count.
const plenty = 1024 ** 3;

/**
 * Throws `repository-full` when a backup will not fit, before anything is written. rsync counts what it
 * would copy only when that is in doubt: for the first backup, and when little is free.
 */
export async function ensureRoom(
  mirror: Mirror,
  copying: Copying,
  { last, work }: { readonly last: Record | undefined; readonly work: Work },
): Promise<void> {
  if (!mirror.options["check-free-space"]) return;
  const { root } = mirror.places;
  const [state] = await mirror.access.host.inspect([root], work.signal);
  if (state === undefined || !("freeBytes" in state)) return;
  const { freeBytes } = state;
  if (last !== undefined && freeBytes >= Math.max(plenty, 2 * (last.added ?? 0))) return;

  const transfer = passTransfer(mirror.options, copying, "all");
  // Attributes take no room worth counting, and rsync 3.5.0 fails when it only counts and an empty folder with
  // the same ones is in the last snapshot.
  const options = [...transfer.options, "--dry-run", "--no-xattrs"];
  // What it says of its progress is not that of the backup.
  const counting = { ...work, progress: () => {} };
  const { statistics } = await mirror.copy({ ...transfer, options, effect: "reads" }, counting);
  if (statistics.transferredBytes <= freeBytes) return;
  const [needed, free] = [statistics.transferredBytes, freeBytes].map(formatSize);
  throw new HoldfastError(
    "repository-full",
    `repository "${mirror.subject.name}" has ${free} free, and ${needed} are to be copied`,
    {
      hint: `free some space at ${root}; where the file system compresses so well that it would fit, set check-free-space: false`,
    },
  );
}
