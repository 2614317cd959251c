// Knows: a tree of files as unpleasant as file systems allow, and whether another is the same. Must not know: who copies it.
import assert from "node:assert/strict";
import { link, lstat, lutimes, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareTrees } from "../../scripts/compare-trees.ts";

// What tools that think of lines, options, patterns or text trip over.
const hostileNames = [
  "line\nfeed",
  "-n",
  "--help",
  "--target=x",
  " blank ",
  "tab\tstop",
  "quote'\"`",
  "$(touch oops)",
  "*?[a-z]",
  "back\\slash",
  "{a,b}",
  "!negated",
  "comma,semi;",
  "caf\u00e9 nfc",
  "cafe\u0301 nfd",
  "\u202eright to left",
  "\ud83d\ude80",
  "trailing.",
  "x".repeat(255),
].map((name) => Buffer.from(name));

const invalidUtf8 = Buffer.from([0x62, 0x61, 0x64, 0xff, 0xfe]);

/** Fills a directory with what has to come back byte for byte. */
export async function makeHostileTree(directory: string): Promise<void> {
  const at = (...names: readonly (string | Buffer)[]): Buffer =>
    Buffer.concat([Buffer.from(directory), ...names.flatMap((name) => [slash, Buffer.from(name)])]);
  await mkdir(at("empty"), { recursive: true, mode: 0o755 });
  await mkdir(at("private"), { mode: 0o700 });
  await mkdir(at("names"));
  for (const name of [...hostileNames, invalidUtf8]) {
    await writeFile(at("names", name), name);
    await mkdir(at(Buffer.concat([Buffer.from("folder "), name.subarray(0, 200)])));
  }
  await writeFile(at("private", "key"), "only mine", { mode: 0o600 });
  await writeFile(at("program"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(at("empty file"), "");
  await writeFile(at("large"), Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef"));
  await link(at("large"), at("hard link"));
  await symlink("large", at("link"));
  await symlink("no/such\nplace", at("dangling"));
  await symlink("/etc", at("leads outside"));
  // Long ago, folders too: some tools take what was made in the same second for unchanged.
  await age(at());
}

async function age(path: Buffer): Promise<void> {
  if ((await lstat(path)).isDirectory()) {
    const names = await readdir(path, { encoding: "buffer" });
    for (const name of names) await age(Buffer.concat([path, slash, name]));
  }
  await lutimes(path, old, old);
}

const slash = Buffer.from("/");
const old = new Date("2001-02-03T04:05:06.789Z");

/** Fails with the first differences unless both trees are the same, hard links included. */
export async function assertSameTree(original: string, restored: string): Promise<void> {
  const { differences, notCompared } = await compareTrees({
    original,
    restored,
    leftOutNames: new Set(),
    leftOutPaths: new Set(),
    mayLack: false,
    since: new Date(),
  });
  assert.deepEqual(differences.slice(0, 5), []);
  assert.deepEqual(notCompared.slice(0, 5), []);
  const [first, second] = await Promise.all(
    ["large", "hard link"].map(
      async (name) => await lstat(join(restored, name)).catch(() => undefined),
    ),
  );
  assert.equal(first?.ino, second?.ino);
}
