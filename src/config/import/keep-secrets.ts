// Knows: how secrets that were found are written to files of their own. Must not know: where they were found.
import { chmod, lstat, mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import type { SecretPlace } from "./import.ts";

/**
 * Writes each secret to its file, which nobody else can read. A file that holds the same already stays as it
 * is, and one that was not in the file that was read is left to be written. Throws `target-invalid` when one holds something else, before anything is written.
 */
export async function keepSecrets(secrets: readonly SecretPlace[]): Promise<void> {
  const missing: SecretPlace[] = [];
  for (const place of secrets) {
    if (place.secret.reveal() === "") continue;
    const found = await contentOf(place.path);
    if (found === undefined) missing.push(place);
    else if (found.replace(/\r?\n$/, "") !== place.secret.reveal()) {
      throw new HoldfastError("target-invalid", `${place.path} exists and holds something else`, {
        hint: "choose another folder with --secrets-dir, or move that file away",
      });
    } else await chmod(place.path, 0o600);
  }
  for (const { path, secret } of missing) await writeSecret(path, `${secret.reveal()}\n`);
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    // What is written to is a file of its own, not one that a link leads to.
    if (!(await lstat(path)).isFile()) {
      throw new HoldfastError("target-invalid", `${path} exists and is not a file`);
    }
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unusable(path, error);
  }
}

async function writeSecret(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using file = await open(path, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): unknown {
  if (error instanceof HoldfastError || !(error instanceof Error) || !("code" in error))
    return error;
  return new HoldfastError("target-invalid", `${path} cannot be written`, { cause: error });
}
