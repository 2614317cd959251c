// Knows: how restic seals what it stores, so that a test can write a thousand snapshots in a
// second: with restic each costs a start and a key derivation. Must not know: what is tested.
// The format: https://restic.readthedocs.io/en/stable/100_references.html#repository-format
import { execFile } from "node:child_process";
import { createCipheriv, createHash, randomBytes, scryptSync } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";

const execute = promisify(execFile);

const Base64 = z.string().transform((text) => Buffer.from(text, "base64"));
const MasterKey = z.object({ mac: z.object({ k: Base64, r: Base64 }), encrypt: Base64 });
type MasterKey = z.output<typeof MasterKey>;

/** A repository whose snapshots are written by the test, for listing and `forget --dry-run` only. */
export interface ForgedRepository {
  readonly path: string;
  readonly key: MasterKey;
}

/** What restic stores of a snapshot; `time` with the offset of the zone it was made in. */
export interface ForgedSnapshot {
  readonly time: string;
  readonly hostname: string;
  readonly tags?: readonly string[];
}

/** Makes a repository that opens in no time: its password guards nothing. */
export async function forgeRepository(
  restic: string,
  path: string,
  password: string,
): Promise<ForgedRepository> {
  const env = { ...process.env, RESTIC_PASSWORD: password, RESTIC_REPOSITORY: path };
  await execute(restic, ["init", "--no-cache"], { env });
  const { stdout } = await execute(restic, ["cat", "masterkey", "--no-cache"], { env });
  const shown: unknown = JSON.parse(stdout);
  const key = MasterKey.parse(shown);

  const keys = join(path, "keys");
  const costly = await readdir(keys);
  const [N, r, p] = [2, 1, 1];
  const salt = randomBytes(64);
  const derived = scryptSync(password, salt, 64, { N, r, p });
  const userKey: MasterKey = {
    encrypt: derived.subarray(0, 32),
    mac: { k: derived.subarray(32, 48), r: derived.subarray(48, 64) },
  };
  const data = seal(userKey, Buffer.from(JSON.stringify(shown))).toString("base64");
  const cheap = {
    created: new Date(),
    kdf: "scrypt",
    N,
    r,
    p,
    salt: salt.toString("base64"),
    data,
  };
  await store(keys, Buffer.from(JSON.stringify(cheap)));
  await Promise.all(costly.map((name) => rm(join(keys, name))));
  return { path, key };
}

/** Writes one snapshot of a tree that does not exist, and gives its id. */
export async function forgeSnapshot(
  { path, key }: ForgedRepository,
  snapshot: ForgedSnapshot,
): Promise<string> {
  const stored = { ...snapshot, tree: "0".repeat(64), paths: ["/forged"], username: "root" };
  return await store(join(path, "snapshots"), seal(key, Buffer.from(JSON.stringify(stored))));
}

/** restic names a file by its SHA-256. */
async function store(folder: string, content: Buffer): Promise<string> {
  const name = createHash("sha256").update(content).digest("hex");
  await writeFile(join(folder, name), content);
  return name;
}

/** AES-256-CTR, then Poly1305-AES over what came out. */
function seal(key: MasterKey, plain: Buffer): Buffer {
  const nonce = randomBytes(16);
  const cipher = createCipheriv("aes-256-ctr", key.encrypt, nonce);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const block = createCipheriv("aes-128-ecb", key.mac.k, null).setAutoPadding(false);
  const pad = Buffer.concat([block.update(nonce), block.final()]);
  return Buffer.concat([nonce, sealed, poly1305(sealed, key.mac.r, pad)]);
}

/** RFC 8439, 2.5, with the two halves of its key apart. */
function poly1305(message: Buffer, r: Buffer, s: Buffer): Buffer {
  const prime = 2n ** 130n - 5n;
  const factor = littleEndian(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let start = 0; start < message.length; start += 16) {
    const block = Buffer.concat([message.subarray(start, start + 16), Buffer.of(1)]);
    sum = ((sum + littleEndian(block)) * factor) % prime;
  }
  const tag = (sum + littleEndian(s)) % 2n ** 128n;
  return Buffer.from(Buffer.from(tag.toString(16).padStart(32, "0"), "hex").toReversed());
}

function littleEndian(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes.toReversed()).toString("hex")}`);
}
