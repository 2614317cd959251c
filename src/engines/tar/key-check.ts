// Knows: how a passphrase is proven to be the one of the archives that are there. Must not know: what it is needed for.
import { join } from "node:path";
import type { Command } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { type Cipher, decryptCommand, keyCheckCommands } from "./commands.ts";
import { explain } from "./errors.ts";
import { keyCheckFile } from "./names.ts";
import type { Archive, Contents, Folder } from "./store.ts";

/**
 * A chain whose archives need different passphrases would be found out when it is too late. Throws
 * `password-wrong`. Where there is nothing to compare with yet, leaves something small that this one opens.
 */
export async function checkKey(
  { host, path, name }: Folder,
  { contents, cipher }: { readonly contents: Contents; readonly cipher: Cipher },
  signal: AbortSignal,
): Promise<void> {
  if (cipher.kind !== "gpg-symmetric") return;
  if (contents.files.has(keyCheckFile)) {
    const read: Command = { argv: ["cat", "--", join(path, keyCheckFile)], effect: "reads" };
    await host.pipe([read, ...decryptCommand("gpg", cipher)], signal);
    return;
  }
  const newest = contents.archives.findLast(({ encrypt }) => encrypt === "gpg");
  if (newest !== undefined) await tryOn({ host, path, name }, { newest, cipher }, signal);
  const { seal, name: rename } = keyCheckCommands(path, cipher);
  await host.pipe(seal, signal);
  await host.run(rename, signal);
}

// Whatever else is wrong with the beginning of an archive (it is cut off): the passphrase is not.
const triedBytes = 65_536;

async function tryOn(
  { host, path, name }: Folder,
  { newest, cipher }: { readonly newest: Archive; readonly cipher: Cipher },
  signal: AbortSignal,
): Promise<void> {
  const argv = ["head", `--bytes=${triedBytes}`, "--", join(path, newest.file)] as const;
  try {
    await host.pipe([{ argv, effect: "reads" }, ...decryptCommand("gpg", cipher)], signal);
  } catch (error) {
    signal.throwIfAborted();
    const explained = explain(error, name);
    if (explained instanceof HoldfastError && explained.code === "password-wrong") throw explained;
  }
}
