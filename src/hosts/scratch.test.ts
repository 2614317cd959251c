import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { makeScratch } from "./scratch.ts";

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-scratch-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
    },
  };
}

test("a scratch directory is where systemd or the session offers one, and private", async () => {
  await using parent = await temporaryDirectory();

  await using service = await makeScratch({ RUNTIME_DIRECTORY: `${parent.path}:/other` });
  await using session = await makeScratch({ XDG_RUNTIME_DIR: parent.path });

  for (const { path } of [service, session]) {
    assert.equal(dirname(path), parent.path);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  }
});

test("a scratch directory is made elsewhere when the offered place is gone", async () => {
  await using parent = await temporaryDirectory();
  const gone = join(parent.path, "gone");

  await using scratch = await makeScratch({ XDG_RUNTIME_DIR: gone, TMPDIR: parent.path });

  assert.equal(dirname(scratch.path), parent.path);
});

test("removing a scratch directory does not follow links out of it", async () => {
  await using outside = await temporaryDirectory();
  await writeFile(join(outside.path, "kept"), "");
  {
    await using scratch = await makeScratch({});

    await symlink(outside.path, join(scratch.path, "link"));
  }

  assert.ok(existsSync(join(outside.path, "kept")));
});
