import assert from "node:assert/strict";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../hosts/local.ts";
import { Secret } from "../../kernel/secret.ts";
import type { Repository } from "../engine.ts";
import {
  engineContract,
  type EngineUnderTest,
  type Lack,
  type Opening,
  type RepositoryPlace,
  shortEngineContract,
} from "../../../test/support/engine-contract.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { tar } from "./index.ts";

const secret = "hunter2-of-the-archives";

/** A folder of archives, made with these options. */
async function newPlace(options: (password: string) => object): Promise<RepositoryPlace> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-tar-"));
  const location = join(folder, "archives");
  const openIt = ({ host = localHost(), password = secret }: Opening = {}): Repository =>
    tar.parse({ engine: "tar", at: location, ...options(password) }).open({
      host,
      here: host,
      ledger: { promise: () => assert.fail("nothing is left to be undone") },
      location,
      name: "tested",
      secret: async (reference) => ("text" in reference ? reference.text : new Secret("")),
    });
  return {
    location,
    open: openIt,
    create: async () => await openIt().init(new AbortController().signal),
    async damage() {
      const [file = ""] = (await readdir(location)).filter((name) => name.includes(".tar"));
      await using archive = await open(join(location, file), "r+");
      const { size } = await archive.stat();
      await archive.write(Buffer.from([0x55, 0xaa]), 0, 2, Math.floor(size / 2));
    },
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

function archives(
  name: string,
  options: (password: string) => object,
  lacks: readonly Lack[] = [],
): EngineUnderTest {
  return {
    name,
    skip: withoutTools("tar", "zstd", "gpg", "age", "gzip"),
    secret,
    // What the contract says of snapshots that need no other; chains have tests of their own.
    newPlace: async () =>
      await newPlace((password) => ({ "full-every": "0s", ...options(password) })),
    restoredAt: (target, path) => join(target, path),
    timeless: (argument) => argument.replaceAll(/\d{4}(-\d\d){5}(-\d+)?-full/g, "TIME-full"),
    lacks: new Set(lacks),
  };
}

const gpg = (password: string) => ({ encrypt: { gpg: { passphrase: password } } });

engineContract(archives("tar with zstd", () => ({}), ["passwords"]));
shortEngineContract(archives("tar with gpg", gpg, ["sealed-listings"]));
shortEngineContract(archives("tar with gzip", () => ({ compress: "gzip" }), ["passwords"]));
