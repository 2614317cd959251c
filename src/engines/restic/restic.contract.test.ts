// restic itself, in three versions, behind everything that an engine promises.
import { cp, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import {
  engineContract,
  type EngineUnderTest,
  type Opening,
  type RepositoryPlace,
} from "../../../test/support/engine-contract.ts";
import { forgeRepository } from "../../../test/support/restic-forge.ts";
import { resticVersions, type ResticVersion } from "../../../test/support/restic-versions.ts";
import { localHost } from "../../hosts/local.ts";
import type { ResolveSecret } from "../../kernel/secret-reference.ts";
import { AnyRepository } from "../index.ts";

const secret = "canary-of-the-contract";

const resolveText: ResolveSecret = async (reference) => {
  if ("text" in reference) return reference.text;
  throw new Error("a secret that no test has");
};

/** Opens a repository with options that make a test cheap. */
function openAt(
  version: ResticVersion,
  location: string,
  { host = localHost(), password = secret }: Opening = {},
) {
  const options = { engine: "restic", at: location, password, program: version.program };
  const spec = AnyRepository.parse({ ...options, "no-cache": true });
  return spec.open({ host, location, name: "tested", secret: resolveText });
}

const templates = new Map<string, Promise<string>>();

after(async () => {
  for (const path of templates.values()) await rm(await path, { recursive: true, force: true });
});

/** A repository made by this very restic, with a key that costs no time. To be copied from. */
async function template({ version, program }: ResticVersion): Promise<string> {
  const make = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), "holdfast-template-"));
    await forgeRepository(program, path, secret);
    return path;
  };
  const made = templates.get(version) ?? make();
  templates.set(version, made);
  return await made;
}

async function localPlace(version: ResticVersion): Promise<RepositoryPlace> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-restic-"));
  const location = join(directory, "repository");
  return {
    location,
    open: (opening) => openAt(version, location, opening),
    create: async () => await cp(await template(version), location, { recursive: true }),
    damage: async () => await flipByte(await largestFile(join(location, "data"))),
    [Symbol.asyncDispose]: async () => await rm(directory, { recursive: true, force: true }),
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
  // restic makes its files read-only; to root that means nothing.
  await using file = await open(path, "r+");
  const at = 1000;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 0xff), 0, 1, at);
}

for (const version of resticVersions) {
  const engine: EngineUnderTest = {
    name: `restic ${version.version} in a folder`,
    skip: version.skip,
    secret,
    restoredAt: (target, path) => join(target, path),
    newPlace: async () => await localPlace(version),
  };
  engineContract(engine);
}
