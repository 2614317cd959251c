import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { localHost } from "./local.ts";

// Root may read and delete everything, so these tests take off its rights while they run.
const nobody = 65_534;

function asOrdinaryUser(): Disposable {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(nobody);
  return {
    [Symbol.dispose]: () => {
      if (isRoot) process.seteuid?.(0);
    },
  };
}

test("says why a path cannot be looked at", async ({ signal }) => {
  await using stack = new AsyncDisposableStack();
  stack.use(asOrdinaryUser());
  const root = await mkdtemp(join(tmpdir(), "holdfast-nobody-"));
  stack.defer(async () => {
    await chmod(join(root, "closed"), 0o700);
    await rm(root, { recursive: true });
  });
  await mkdir(join(root, "closed"));
  await writeFile(join(root, "closed", "file"), "x");
  await writeFile(join(root, "secret"), "x", { mode: 0 });
  await chmod(join(root, "closed"), 0);

  const states = await localHost().inspect(
    [join(root, "closed"), join(root, "closed", "file"), join(root, "secret")],
    signal,
  );

  const denied = { kind: "unreadable", reason: "permission denied" };
  assert.deepEqual(states, [denied, denied, denied]);
});

test("removes a scratch directory that holds directories without write permission", async ({
  signal,
}) => {
  using stack = new DisposableStack();
  stack.use(asOrdinaryUser());
  const host = localHost();
  let path = "";
  {
    await using scratch = await host.scratch();
    path = scratch.path;
    const inner = join(path, "a\nb", "c");
    await mkdir(inner, { recursive: true });
    await writeFile(join(inner, "file"), "x", { mode: 0o400 });
    await chmod(inner, 0o500);
    await chmod(join(path, "a\nb"), 0o000);
    await chmod(path, 0o500);
  }

  assert.deepEqual(await host.inspect([path], signal), [{ kind: "missing" }]);
});
