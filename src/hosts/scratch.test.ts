import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
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

test("a scratch directory that a killed process left is removed when the next one is made", async (t) => {
  if (process.platform !== "linux") return t.skip("identities are as exact only on Linux");
  await using parent = await temporaryDirectory();
  const env = { TMPDIR: parent.path };
  await using living = await makeScratch(env);
  const [left = "", reused = ""] = ["999999999.1", "1.1"].map((owner) =>
    living.path.replace(/\d+\.\d+-(?=[^/]*$)/, `${owner}-`),
  );
  const foreign = left.replace(/holdfast-[0-9a-z]{8}/, "holdfast-00000000");
  for (const path of [left, reused, foreign]) await mkdir(path);
  await writeFile(join(left, "secret"), "");

  await using _ = await makeScratch(env);

  assert.deepEqual(
    [left, reused, foreign, living.path].map((path) => existsSync(path)),
    [false, false, true, true],
  );
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
