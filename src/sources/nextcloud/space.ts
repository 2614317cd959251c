// Knows: how much space putting a Nextcloud together takes, and where. Must not know: what is put together.
import type { DumpCompression } from "../../databases/database.ts";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { formatSize } from "../../kernel/figures.ts";
import { usageCommand } from "./commands.ts";

/** What takes space in the staging folder. */
export interface Need {
  readonly host: Host;
  readonly staging: string;
  readonly dumpBytes: number;
  readonly compress: DumpCompression;
  /** Folders that are copied there in full, and the copies of them that may be there. */
  readonly copied: readonly { readonly from: string; readonly to: string }[];
  /** The folder of config.php. */
  readonly config?: string;
}

// SQL text of a Nextcloud becomes a fifth to a tenth of its size.
const compressed = { none: 1, gzip: 1 / 3, zstd: 1 / 3 } as const;
// For what is written besides, and what grows meanwhile.
const reserve = 16 * 1024 ** 2;
const configReserve = 1024 ** 2;

/** Throws `source-unreadable` when there is too little space in the staging folder, or where config.php is. */
export async function refuseFull(need: Need, signal: AbortSignal): Promise<void> {
  const { host, staging, config } = need;
  const paths = [staging, ...(config === undefined ? [] : [config])];
  const [free = 0, freeForConfig = Number.POSITIVE_INFINITY] = (
    await host.inspect(paths, signal)
  ).map((state) => ("freeBytes" in state ? state.freeBytes : Number.POSITIVE_INFINITY));
  if (freeForConfig < configReserve) {
    throw new HoldfastError(
      "source-unreadable",
      `there is no space left where config.php is: ${config ?? ""}`,
      { hint: "make some space: on a full disk Nextcloud loses its config.php" },
    );
  }
  const needed =
    need.dumpBytes * compressed[need.compress] + (await toCopy(need, signal)) + reserve;
  if (free >= needed) return;
  throw new HoldfastError(
    "source-unreadable",
    `about ${formatSize(needed)} are needed in the staging folder ${staging}, and ${formatSize(free)} are free`,
    { hint: "make some space there, or name another folder under `staging`" },
  );
}

async function toCopy({ host, copied }: Need, signal: AbortSignal): Promise<number> {
  const sizes = copied.map(async ({ from, to }) => {
    const [size, there] = [await usage(host, from, signal), await usage(host, to, signal)];
    return Math.max(0, size - there);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function usage(host: Host, path: string, signal: AbortSignal): Promise<number> {
  const { stdout } = await host.run(usageCommand([path]), signal);
  return Number.parseInt(stdout, 10) || 0;
}
