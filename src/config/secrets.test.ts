import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { SecretReference } from "../kernel/secret-reference.ts";
import { Secret } from "../kernel/secret.ts";
import { parseConfig } from "./parse.ts";
import { secretFindings, secretResolver } from "./secrets.ts";

const { signal } = new AbortController();

/** A folder that vanishes. */
async function aFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

function unavailable(message: RegExp, hint?: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof HoldfastError, inspect(error));
    assert.equal(error.code, "secret-unavailable");
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2/);
    return true;
  };
}

suite("a secret in a file", () => {
  for (const [content, text] of [
    ["hunter2-file\n", "hunter2-file"],
    ["hunter2-file\r\n", "hunter2-file"],
    ["hunter2-file", "hunter2-file"],
    ["hunter2-file\n\n", "hunter2-file\n"],
    [" hunter2 file ", " hunter2 file "],
    ["\uFEFFhunter2-file\n", "hunter2-file"],
  ] as const) {
    test(`is ${JSON.stringify(text)} when the file holds ${JSON.stringify(content)}`, async () => {
      await using folder = await aFolder();
      using host = new ScriptedHost([]);
      await writeFile(join(folder.path, "key"), content);

      const secret = await secretResolver(host, {})({ file: join(folder.path, "key") }, signal);

      assert.equal(secret.reveal(), text);
    });
  }

  test("may be in the home directory", async () => {
    await using folder = await aFolder();
    using host = new ScriptedHost([]);
    await writeFile(join(folder.path, "key"), "hunter2-home");
    const resolve = secretResolver(host, { HOME: folder.path });

    const secret = await resolve({ file: "~/key" }, signal);

    assert.equal(secret.reveal(), "hunter2-home");
  });

  for (const [title, file, content, message] of [
    ["does not exist", "missing", undefined, /missing does not exist$/],
    ["is below a file", "key/key", "x", /key does not exist$/],
    ["is a directory", ".", undefined, /is a directory$/],
    ["is empty", "key", "", /key is empty$/],
    ["holds only a line end", "key", "\n", /key is empty$/],
    ["holds a NUL character", "key", "hunter2\0x", /holds a NUL character$/],
    ["is far too large", "key", Buffer.alloc(2 ** 20, "x"), /key is too long for a secret$/],
    ["is not UTF-8", "key", Buffer.from("hunter2\xff", "latin1"), /is not UTF-8 text$/],
  ] as const) {
    test(`is not available when the file ${title}`, async () => {
      await using folder = await aFolder();
      using host = new ScriptedHost([]);
      if (content !== undefined) await writeFile(join(folder.path, "key"), content);

      const secret = secretResolver(host, {})({ file: join(folder.path, file) }, signal);

      await assert.rejects(secret, unavailable(message));
    });
  }

  test("is not available at a relative path", async () => {
    using host = new ScriptedHost([]);

    const secret = secretResolver(host, {})({ file: "key" }, signal);

    await assert.rejects(secret, unavailable(/"key" is not an absolute path/, /~\//));
  });

  test("is not read after an abort", async () => {
    await using folder = await aFolder();
    using host = new ScriptedHost([]);
    await writeFile(join(folder.path, "key"), "hunter2-abort");

    const secret = secretResolver(host, {})(
      { file: join(folder.path, "key") },
      AbortSignal.abort(),
    );

    await assert.rejects(secret, { code: "interrupted" });
  });
});

suite("a secret in an environment variable", () => {
  test("is its value", async () => {
    using host = new ScriptedHost([]);

    const secret = await secretResolver(host, { KEY: "hunter2-env" })({ env: "KEY" }, signal);

    assert.equal(secret.reveal(), "hunter2-env");
  });

  test("is not available when it is not set, or empty", async () => {
    using host = new ScriptedHost([]);
    const resolve = secretResolver(host, { EMPTY: "" });

    await assert.rejects(
      resolve({ env: "KEY" }, signal),
      unavailable(/KEY, .* is not set/, /timer/),
    );
    await assert.rejects(resolve({ env: "EMPTY" }, signal), unavailable(/EMPTY is empty/));
  });
});

suite("a secret from a command", () => {
  const reference: SecretReference = { command: ["pass", "show", "backup"] };

  test("is the first line that it prints", async () => {
    using host = new ScriptedHost(["pass show backup", { stdout: "hunter2-pass\nuser: me\n" }]);

    const secret = await secretResolver(host, {})(reference, signal);

    assert.equal(secret.reveal(), "hunter2-pass");
    assert.deepEqual(
      host.ran.map(({ effect, timeoutMs }) => [effect, timeoutMs]),
      [["reads", 30_000]],
    );
  });

  test("may be of a program in the home directory", async () => {
    using host = new ScriptedHost(["/home/me/bin/key", { stdout: "hunter2-bin" }]);
    const resolve = secretResolver(host, { HOME: "/home/me" });

    const secret = await resolve({ command: ["~/bin/key"] }, signal);

    assert.equal(secret.reveal(), "hunter2-bin");
  });

  for (const [title, answer, message] of [
    ["fails", { exitStatus: 2, stdout: "hunter2", stderr: "no such entry" }, /"pass".* failed$/],
    ["prints nothing", { stdout: "" }, /first line .* is empty$/],
    ["begins with an empty line", { stdout: "\nhunter2\n" }, /first line .* is empty$/],
    ["does not exist", new HoldfastError("tool-missing", "x"), /does not exist$/],
    ["takes too long", new HoldfastError("timed-out", "x"), /did not end within 30 seconds$/],
  ] as const) {
    test(`is not available when it ${title}`, async () => {
      using host = new ScriptedHost(["pass show backup", answer]);

      const secret = secretResolver(host, {})(reference, signal);

      await assert.rejects(secret, unavailable(message));
    });
  }

  test("ends with the run that wants it", async () => {
    using host = new ScriptedHost(["pass show backup", { hangs: true }]);
    const abort = new AbortController();

    const secret = secretResolver(host, {})(reference, abort.signal);
    setImmediate(() => abort.abort());

    await assert.rejects(secret, { code: "interrupted" });
  });
});

suite("a secret in a keyring", () => {
  test("is asked of the desktop's keyring", async () => {
    using host = new ScriptedHost([
      "secret-tool lookup service holdfast name backup",
      { stdout: "hunter2-keyring" },
    ]);

    const secret = await secretResolver(host, {}, "linux")({ keyring: "backup" }, signal);

    assert.equal(secret.reveal(), "hunter2-keyring");
  });

  test("is asked of the keychain of macOS", async () => {
    using host = new ScriptedHost([
      "security find-generic-password -s holdfast -a backup -w",
      { stdout: "hunter2-keychain\n" },
    ]);

    const secret = await secretResolver(host, {}, "darwin")({ keyring: "backup" }, signal);

    assert.equal(secret.reveal(), "hunter2-keychain");
  });

  test("is not available when there is no such entry, and the hint makes one", async () => {
    using host = new ScriptedHost([
      /^secret-tool/,
      { exitStatus: 1 },
      /^security/,
      { exitStatus: 44 },
    ]);
    const lookUp = async (platform: NodeJS.Platform) =>
      await secretResolver(host, {}, platform)({ keyring: "backup" }, signal);

    await assert.rejects(
      lookUp("linux"),
      unavailable(/no entry "backup"/, /secret-tool store .* service holdfast name backup$/),
    );
    await assert.rejects(
      lookUp("darwin"),
      unavailable(/no entry "backup"/, /security add-generic-password/),
    );
  });

  test("is not available without the program that asks", async () => {
    using host = new ScriptedHost([/^secret-tool/, new HoldfastError("tool-missing", "x")]);

    const secret = secretResolver(host, {}, "linux")({ keyring: "backup" }, signal);

    await assert.rejects(secret, unavailable(/secret-tool\) does not exist/, /libsecret-tools/));
  });

  test("is not available on Windows, or under a name like an option", async () => {
    using host = new ScriptedHost([]);

    await assert.rejects(
      secretResolver(host, {}, "win32")({ keyring: "backup" }, signal),
      unavailable(/no keyring on this system/),
    );
    await assert.rejects(
      secretResolver(host, {}, "linux")({ keyring: "--help" }, signal),
      unavailable(/cannot be called "--help"/),
    );
  });
});

suite("a credential of systemd", () => {
  test("is a file in the folder that systemd gives", async () => {
    await using folder = await aFolder();
    using host = new ScriptedHost([]);
    await writeFile(join(folder.path, "backup"), "hunter2-credential\n");
    const resolve = secretResolver(host, { CREDENTIALS_DIRECTORY: folder.path });

    const secret = await resolve({ credential: "backup" }, signal);

    assert.equal(secret.reveal(), "hunter2-credential");
  });

  test("is not available outside of such a unit, or when the unit does not name it", async () => {
    await using folder = await aFolder();
    using host = new ScriptedHost([]);
    await mkdir(join(folder.path, "given"));
    const given = { CREDENTIALS_DIRECTORY: join(folder.path, "given") };

    await assert.rejects(
      secretResolver(host, {})({ credential: "backup" }, signal),
      unavailable(/only there in a unit/, /LoadCredential=backup:/),
    );
    await assert.rejects(
      secretResolver(host, given)({ credential: "backup" }, signal),
      unavailable(/did not hand over/, /LoadCredential=backup:/),
    );
    await writeFile(join(folder.path, "outside"), "hunter2-outside");
    await assert.rejects(
      secretResolver(host, given)({ credential: "../outside" }, signal),
      unavailable(/cannot be the name of a credential/),
    );
  });
});

suite("secrets", () => {
  test("are fetched once, also when several want one at the same time", async () => {
    using host = new ScriptedHost(["key", { stdout: "hunter2-once" }]);
    const resolve = secretResolver(host, {});
    const want = async () => await resolve({ command: ["key"] }, signal);

    const both = await Promise.all([want(), want()]);
    const later = await want();

    assert.deepEqual(
      [...both, later].map((secret) => secret.reveal()),
      Array(3).fill("hunter2-once"),
    );
    assert.equal(host.ran.length, 1);
  });

  test("are asked for again after a failure", async () => {
    using host = new ScriptedHost(["key", { exitStatus: 1 }, "key", { stdout: "hunter2-again" }]);
    const resolve = secretResolver(host, {});
    const want = async () => await resolve({ command: ["key"] }, signal);

    await assert.rejects(want(), unavailable(/failed/));
    const secret = await want();

    assert.equal(secret.reveal(), "hunter2-again");
  });

  test("may stand in the configuration", async () => {
    using host = new ScriptedHost([]);
    const text = new Secret("hunter2-text");

    const secret = await secretResolver(host, {})({ text }, signal);

    assert.equal(secret, text);
  });
});

suite("secrets that others can read", () => {
  test("are found with the command that mends it", async () => {
    await using folder = await aFolder();
    const file = (name: string) => join(folder.path, name);
    for (const name of ["open", "closed"]) await writeFile(file(name), "hunter2", { mode: 0o600 });
    await chmod(file("open"), 0o644);
    const text = `
repositories:
  a: { engine: restic, at: /srv/a, password: { file: ${file("open")} }, environment: { X: { file: ${file("closed")} } } }
  b: { engine: restic, at: /srv/b, password: { file: ${file("missing")} } }
  c: { engine: restic, at: /srv/c, password: { env: X } }
jobs: { a: { sources: [/home], repository: a, copies: [b, c] } }
`;
    await writeFile(file("holdfast.yaml"), text);
    const config = parseConfig({
      file: file("holdfast.yaml"),
      text,
      readableByOthers: false,
      home: folder.path,
      defaultState: folder.path,
      platform: "linux",
    });

    const findings = await secretFindings(config);

    assert.deepEqual(findings, [
      {
        code: "secret-readable",
        severity: "warning",
        subject: "repositories.a.password",
        message: `other users can read the secret in ${file("open")}`,
        hint: `chmod 600 ${file("open")}`,
      },
    ]);
  });
});
