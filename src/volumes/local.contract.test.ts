import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { localHost } from "../hosts/local.ts";
import { readOnlyHost } from "../hosts/read-only.ts";
import { AnyVolume } from "./index.ts";
import type { Volume } from "./volume.ts";

const host = localHost();
const secret = async () => assert.fail("a directory needs no secret");
const ledger = { promise: () => assert.fail("a directory needs no ledger") };

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-volume-"));
  t.after(async () => await rm(directory, { recursive: true, force: true }));
  return directory;
}

function volumeAt(path: string): Volume {
  return AnyVolume.parse({ path }).open({ name: "usb", host, ledger, secret });
}

suite("a volume on a real file system", () => {
  test("is present once it was initialised, and stays so", async (t) => {
    const path = join(await newDirectory(t), "a name\nwith 'everything' -- in it");
    await mkdir(path);
    const volume = volumeAt(path);
    const before = await volume.observe(t.signal);

    const created = [await volume.init(t.signal), await volume.init(t.signal)];

    const after = await volume.observe(t.signal);
    assert.equal(before.kind, "away");
    assert.deepEqual(created, [true, false]);
    assert.ok(after.kind === "mounted");
    assert.equal(after.path, path);
    assert.ok(after.freeBytes > 0);
    assert.deepEqual(await readdir(path), [".holdfast-volume"]);
  });

  test("is away when only the empty folder below it is left", async (t) => {
    const parent = await newDirectory(t);
    const path = join(parent, "mnt");
    await mkdir(path);
    const volume = volumeAt(path);
    await volume.init(t.signal);
    await rename(path, join(parent, "unplugged"));
    await mkdir(path);

    const state = await volume.observe(t.signal);

    assert.equal(state.kind, "away");
    await assert.rejects(volume.attach(t.signal), { code: "volume-away" });
  });

  test("does not become a folder where it is not mounted", async (t) => {
    const path = join(await newDirectory(t), "mnt");

    await assert.rejects(volumeAt(path).init(t.signal), { code: "volume-away" });

    assert.equal(existsSync(path), false);
  });

  test("can be observed where nothing may be changed", async (t) => {
    const path = await newDirectory(t);
    const volume = AnyVolume.parse({ path }).open({
      name: "usb",
      host: readOnlyHost(host),
      ledger,
      secret,
    });

    const state = await volume.observe(t.signal);

    assert.equal(state.kind, "away");
    await assert.rejects(volume.init(t.signal), /only reading/);
  });
});
