import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { ArchiveBench, work } from "../../../test/support/archives.ts";
import { withoutTools } from "../../../test/support/tools.ts";

const skip = withoutTools("tar", "zstd", "gpg", "age");

async function codes(bench: ArchiveBench, options: object = {}): Promise<readonly string[]> {
  const findings = (await bench.repository(options).examine?.(work.signal, [])) ?? [];
  return findings.map(({ code }) => code);
}

suite("what doctor says of a folder of archives", { skip }, () => {
  test("is nothing when all is well, and when there is none", async () => {
    await using bench = await ArchiveBench.open();
    const absent = await codes(bench);
    await bench.repository().init(work.signal);

    assert.deepEqual([absent, await codes(bench)], [[], []]);
  });

  test("is that there is less room than the last full archive takes", async () => {
    await using bench = await ArchiveBench.open();
    await bench.repository().init(work.signal);
    // Only as large as it says: nothing of it is on the disk.
    const archive = bench.at("archives", "2026-02-21-03-full.tar.gz");
    await writeFile(archive, "");
    await truncate(archive, 8 * 1024 ** 4);

    assert.deepEqual(await codes(bench), ["archive-space"]);
  });

  test("is that a recipient is not known, or that what opens archives cannot be read", async () => {
    await using bench = await ArchiveBench.open();
    await bench.repository().init(work.signal);
    const gpg = { recipients: ["nobody-knows-me@example.invalid"] };
    const age = { recipients: ["age1x"], identity: bench.at("not there") };

    assert.deepEqual(await codes(bench, { encrypt: { gpg } }), ["recipient-unknown"]);
    assert.deepEqual(await codes(bench, { encrypt: { age } }), ["identity-unreadable"]);
  });
});
