// Knows: how a test gets restic repositories that cost it little. Must not know: what is tested on them.
import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { AnyRepository } from "../../src/engines/index.ts";
import type { Repository } from "../../src/engines/engine.ts";
import { localHost } from "../../src/hosts/local.ts";
import type { ResolveSecret } from "../../src/kernel/secret-reference.ts";
import type { EngineUnderTest, Opening, RepositoryPlace } from "./engine-contract.ts";
import { forgeRepository } from "./restic-forge.ts";
import type { ResticVersion } from "./restic-versions.ts";

/** The password of every repository here. */
export const secret = "canary-of-the-contract";

const resolveText: ResolveSecret = async (reference) => {
  if ("text" in reference) return reference.text;
  throw new Error("a secret that no test has");
};

/** How a repository is opened: usually, or with options of its own. */
export interface ResticOpening extends Opening {
  readonly name?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Opens a repository with options that make a test cheap. */
export function openRestic(
  version: ResticVersion,
  location: string,
  opening: ResticOpening = {},
): Repository {
  const { host = localHost(), password = secret, name = "tested", options } = opening;
  const program = version.program;
  const common = { engine: "restic", at: location, password, program, "no-cache": true };
  return AnyRepository.parse({ ...common, ...options }).open({
    host,
    here: host,
    ledger: { promise: () => assert.fail("nothing is left to be undone") },
    location,
    name,
    secret: resolveText,
  });
}

const templates = new Map<string, Promise<string>>();

after(async () => {
  for (const path of templates.values()) await rm(await path, { recursive: true, force: true });
});

/** A folder with a repository made by this very restic, with a key that costs no time. To be copied from. */
export async function template({ version, program }: ResticVersion): Promise<string> {
  const make = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), "holdfast-template-"));
    await forgeRepository(program, path, secret);
    return path;
  };
  const made = templates.get(version) ?? make();
  templates.set(version, made);
  return await made;
}

/** A place in a folder of this machine. */
export async function folderPlace(version: ResticVersion): Promise<RepositoryPlace> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-restic-"));
  const location = join(directory, "repository");
  return {
    location,
    open: (opening) => openRestic(version, location, opening),
    create: async () => await cp(await template(version), location, { recursive: true }),
    damage: async () => await flipByte(await largestFile(join(location, "data"))),
    [Symbol.asyncDispose]: async () => await rm(directory, { recursive: true, force: true }),
  };
}

/** restic with repositories in folders of this machine. */
export function inFolders(version: ResticVersion): EngineUnderTest {
  return {
    name: `restic ${version.version} in a folder`,
    skip: version.skip,
    secret,
    restoredAt: (target, path) => join(target, path),
    newPlace: async () => await folderPlace(version),
  };
}

async function largestFile(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true });
  const files = await Promise.all(
    names.map(async (name) => ({
      path: join(directory, name),
      stats: await stat(join(directory, name)),
    })),
  );
  const [largest] = files
    .filter(({ stats }) => stats.isFile())
    .toSorted((a, b) => b.stats.size - a.stats.size);
  if (largest === undefined) throw new Error(`no file in ${directory}`);
  return largest.path;
}

async function flipByte(path: string): Promise<void> {
  // restic makes its files read-only.
  await chmod(path, 0o600);
  await using file = await open(path, "r+");
  const at = 1000;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 0xff), 0, 1, at);
}
