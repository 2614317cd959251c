import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { localHost } from "../../hosts/local.ts";
import { readOnlyHost } from "../../hosts/read-only.ts";
import { AnySource } from "../index.ts";
import type { Source } from "../source.ts";

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-source-"));
  t.after(async () => await rm(directory, { recursive: true, force: true }));
  return directory;
}

function sourceAt(location: string): Source {
  return AnySource.parse(location).open({
    host: readOnlyHost(localHost()),
    location,
    ledger: { promise: () => assert.fail("reading needs no ledger") },
    newestSnapshot: async () => await Promise.reject(new Error("there is no repository")),
    secret: async () => assert.fail("reading needs no secret"),
  });
}

/** Does something as a user who is not root, whom no permission stops. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.("nobody");
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

suite("a source on a real file system", () => {
  test("is a folder, a single file, or a hostile name", async (t) => {
    const directory = await newDirectory(t);
    const file = join(directory, "-rf $(id) \n'\"*");
    await writeFile(file, "content");

    const states = [
      await sourceAt(directory).observe(t.signal),
      await sourceAt(file).observe(t.signal),
    ];

    const ready = { kind: "ready", empty: false };
    assert.deepEqual(states, [ready, ready]);
  });

  test("tells empty from missing", async (t) => {
    const directory = await newDirectory(t);

    const empty = await sourceAt(directory).observe(t.signal);
    const missing = await sourceAt(join(directory, "missing")).observe(t.signal);

    assert.deepEqual(empty, { kind: "ready", empty: true });
    assert.equal(missing.kind, "missing");
  });

  test("cannot be prepared when it may not be read", async (t) => {
    const directory = await newDirectory(t);
    await chmod(directory, 0o755);
    const closed = join(directory, "closed");
    await mkdir(closed, { mode: 0o700 });
    if (process.geteuid?.() !== 0) await chmod(closed, 0);

    const preparing = asOrdinaryUser(async () => await sourceAt(closed).prepare(t.signal));

    await assert.rejects(preparing, { code: "source-unreadable", message: /permission denied/ });
  });

  test("is not a link, whatever stands behind its name", async (t) => {
    const directory = await newDirectory(t);
    await mkdir(join(directory, "real"));
    await symlink("real", join(directory, "link"));
    await symlink("nowhere", join(directory, "dangling"));

    for (const name of ["link", "link/", "link/."]) {
      const preparing = sourceAt(`${directory}/${name}`).prepare(t.signal);

      await assert.rejects(preparing, { code: "source-unreadable", message: /\/real$/ });
    }
    const dangling = sourceAt(join(directory, "dangling")).prepare(t.signal);
    await assert.rejects(dangling, { code: "source-unreadable", message: /does not exist/ });
  });

  test("may be reached through links", async (t) => {
    const directory = await newDirectory(t);
    await mkdir(join(directory, "real/Documents"), { recursive: true });
    await symlink("real", join(directory, "link"));

    await using prepared = await sourceAt(join(directory, "link/Documents")).prepare(t.signal);

    assert.ok(prepared.kind === "paths");
    assert.deepEqual(prepared.paths, [join(directory, "link/Documents")]);
  });
});
