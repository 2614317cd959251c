// Knows: temporary folders that say which process made them, and what is left of those of dead ones. Must not know: what is in them.
import { mkdtemp, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { isAlive, thisProcess, type ProcessIdentity } from "../../src/hosts/process-identity.ts";

const ownerFile = "owner.json";

const Owner = z.object({
  host: z.string(),
  pid: z.number(),
  bootId: z.string().exactOptional(),
  pidNamespace: z.string().exactOptional(),
  startTicks: z.number().exactOptional(),
});

/** Makes a folder `PREFIX-XXXXXX` in which this process is named as the owner. */
export async function newOwnedFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), `${prefix}-`));
  await writeFile(join(folder, ownerFile), JSON.stringify(thisProcess()));
  return folder;
}

/** Folders of this prefix whose owner was killed, so that nobody has taken them away. */
export async function abandonedFolders(prefix: string): Promise<readonly string[]> {
  const temporary = await realpath(tmpdir());
  const folders = (await readdir(temporary))
    .filter((name) => name.startsWith(`${prefix}-`))
    .map((name) => join(temporary, name));
  const owners = await Promise.all(folders.map(ownerOf));
  return folders.filter((_, index) => {
    const owner = owners[index];
    return owner !== undefined && isAlive(owner) === "dead";
  });
}

async function ownerOf(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    return Owner.parse(JSON.parse(await readFile(join(folder, ownerFile), "utf8")));
  } catch {
    // It is being made or taken away right now.
    return undefined;
  }
}
