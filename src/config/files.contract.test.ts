// What only a real file system and real programs can show: permissions, and commands that fetch secrets.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { localHost } from "../hosts/local.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { loadConfig } from "./load.ts";
import { secretResolver } from "./secrets.ts";

const { signal } = new AbortController();
const nobody = 65_534;

/** Stops being root, who may read everything, until it is disposed of. */
function asNobody(): Disposable {
  if (process.geteuid?.() !== 0) return { [Symbol.dispose]: () => {} };
  process.seteuid?.(nobody);
  return { [Symbol.dispose]: () => process.seteuid?.(0) };
}

/** A folder that everybody may enter, and that vanishes. */
async function aFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

suite("files that may not be read", () => {
  test("are no configuration, and the hint shows whose they are", async () => {
    await using folder = await aFolder();
    const file = join(folder.path, "holdfast.yaml");
    await writeFile(file, "jobs: {}", { mode: 0o000 });
    using _ = asNobody();

    const loaded = loadConfig({ file, env: {}, home: folder.path });

    await assert.rejects(
      loaded,
      (error) =>
        error instanceof HoldfastError &&
        error.code === "config-missing" &&
        error.message === `the configuration ${file} cannot be read` &&
        error.hint === `see who may read it with: ls -l ${file}`,
    );
  });

  test("are not passed over for another configuration", async () => {
    await using folder = await aFolder();
    const blocked = join(folder.path, "blocked");
    await writeFile(blocked, "", { mode: 0o000 });
    using _ = asNobody();

    const loaded = loadConfig({ env: { XDG_CONFIG_HOME: blocked }, home: folder.path });

    // A file where a folder should be is no folder: nothing is there. What cannot be entered may be.
    await assert.rejects(loaded, { code: "config-missing" });
  });

  test("are no secrets", async () => {
    await using folder = await aFolder();
    const file = join(folder.path, "key");
    await writeFile(file, "hunter2", { mode: 0o000 });
    using _ = asNobody();

    const secret = secretResolver(localHost(), {})({ file }, signal);

    await assert.rejects(secret, {
      code: "secret-unavailable",
      message: `the secret file ${file} may not be read`,
    });
  });
});

suite("programs that fetch secrets", () => {
  test("print them on their first line", async () => {
    const resolve = secretResolver(localHost(), {});

    const secret = await resolve({ command: ["printf", "%s\n", "hunter2-real", "notes"] }, signal);

    assert.equal(secret.reveal(), "hunter2-real");
  });

  test("are explained when they fail or do not exist", async () => {
    const resolve = secretResolver(localHost(), {});

    await assert.rejects(
      resolve({ command: ["sh", "-c", "echo locked >&2; exit 3"] }, signal),
      (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.message, 'the command "sh", which fetches a secret, failed');
        assert.match(String(error.cause), /exit status 3.*locked/);
        return true;
      },
    );
    await assert.rejects(resolve({ command: ["holdfast-no-such-program"] }, signal), {
      code: "secret-unavailable",
      message: /does not exist$/,
    });
  });

  test("may not print more than a secret can be", async () => {
    const resolve = secretResolver(localHost(), {});
    const megabyte = "head -c 1000000 /dev/zero | tr '\\0' x";

    const secret = resolve({ command: ["sh", "-c", megabyte] }, signal);

    await assert.rejects(secret, {
      code: "secret-unavailable",
      message: /is too long for a secret$/,
    });
  });
});
