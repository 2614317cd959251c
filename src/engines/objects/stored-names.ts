// Knows: which names there are in the store, and which inode each is of. Must not know: what becomes of them.
import type { Host } from "../../hosts/host.ts";
import type { Places } from "./layout.ts";

/** One name in the store. */
export interface StoredName {
  readonly inode: number;
  /** How many names this inode has anywhere. */
  readonly links: number;
  readonly size: number;
  /** When the inode was last changed, be it by a name given or taken. Milliseconds since 1970. */
  readonly changed: number;
  /** Relative to the store: `sha1/…` or `etag/…`. */
  readonly path: string;
}

const form = /^(\d+) (\d+) (\d+) (-?\d+)\.(\d{3})\d* ((?:sha1|etag)\/.*)$/s;

/** Goes through all names below these folders. Inodes beyond 2^53 are rounded, and may be taken for each other. */
export async function eachStoredName(
  { host, places }: { readonly host: Host; readonly places: Places },
  {
    folders,
    signal,
  }: { readonly folders: readonly ("sha1" | "etag")[]; readonly signal: AbortSignal },
  tell: (name: StoredName) => void,
): Promise<void> {
  const format = String.raw`%i %n %s %C@ %p\n`;
  await host.run(
    {
      argv: ["find", ...folders, "-type", "f", "-printf", format],
      cwd: places.store,
      env: { LC_ALL: "C" },
      effect: "reads",
      // 1: a folder is missing, or something vanished meanwhile.
      okExits: [0, 1],
    },
    signal,
    {
      stdoutLine: (line) => {
        const [, inode, links, size, seconds, fraction, path = ""] = form.exec(line) ?? [];
        if (inode === undefined) return;
        const changed = Number(seconds) * 1000 + Number(fraction);
        const numbers = { inode: Number(inode), links: Number(links), size: Number(size) };
        tell({ ...numbers, changed, path });
      },
    },
  );
}
