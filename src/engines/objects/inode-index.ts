// Knows: which inode of a store holds which content, in little memory. Must not know: what it is asked for.
import type { Host } from "../../hosts/host.ts";
import type { Places } from "./layout.ts";
import { indexIn, Numbers } from "./numbers.ts";
import { eachStoredName } from "./stored-names.ts";

const bytesOfHash = 20;

/** Finds content by its inode. Takes 32 bytes for each. */
export class InodeIndex {
  readonly #inodes: Float64Array;
  readonly #hashes: Buffer;

  private constructor(inodes: Float64Array, hashes: Buffer) {
    this.#inodes = inodes;
    this.#hashes = hashes;
  }

  /** Goes through all names in the store, once. */
  static async of(
    store: { readonly host: Host; readonly places: Places },
    signal: AbortSignal,
  ): Promise<InodeIndex> {
    const inodes = new Numbers();
    const folders = ["sha1"] as const;
    await eachStoredName(store, { folders, signal }, ({ inode }) => inodes.push(inode));
    const sorted = inodes.sorted();
    const hashes = Buffer.alloc(sorted.length * bytesOfHash);
    await eachStoredName(store, { folders, signal }, ({ inode, path }) => {
      const hash = /^sha1\/([0-9a-f]{2})\/([0-9a-f]{38})(\.\d+)?$/.exec(path);
      const at = indexIn(sorted, inode);
      if (hash !== null && at !== -1) hashes.write(`${hash[1]}${hash[2]}`, at * bytesOfHash, "hex");
    });
    return new InodeIndex(sorted, hashes);
  }

  /** SHA-1 of the content of an inode. Nothing: the store does not have it. */
  find(inode: number): string | undefined {
    const at = indexIn(this.#inodes, inode);
    if (at === -1) return undefined;
    const hash = this.#hashes.toString("hex", at * bytesOfHash, (at + 1) * bytesOfHash);
    return /^0+$/.test(hash) ? undefined : hash;
  }
}
