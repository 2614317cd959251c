import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { searchedFiles } from "./find.ts";
import { loadConfig } from "./load.ts";

const valid = `
repositories: { a: { engine: restic, at: /srv/a, password: hunter2-of-load } }
jobs: { a: { sources: [/home], repository: a } }
`;

/** A home directory that vanishes. */
async function aHome(): Promise<AsyncDisposable & { readonly home: string }> {
  const home = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  return { home, [Symbol.asyncDispose]: async () => await rm(home, { recursive: true }) };
}

async function write(home: string, file: string, content: string | Uint8Array): Promise<string> {
  const path = join(home, file);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

function failsWith(code: string, message: RegExp, hint?: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    return true;
  };
}

suite("the configuration's file", () => {
  test("is looked for in the user's folder of configurations, then in /etc", () => {
    assert.deepEqual(
      [
        searchedFiles({}, "/home/me"),
        searchedFiles({ XDG_CONFIG_HOME: "/home/me/conf" }, "/home/me"),
        searchedFiles({ XDG_CONFIG_HOME: "relative" }, "/home/me"),
      ],
      [
        ["/home/me/.config/holdfast/holdfast.yaml", "/etc/holdfast/holdfast.yaml"],
        ["/home/me/conf/holdfast/holdfast.yaml", "/etc/holdfast/holdfast.yaml"],
        ["/home/me/.config/holdfast/holdfast.yaml", "/etc/holdfast/holdfast.yaml"],
      ],
    );
  });

  test("is found in the user's folder", async () => {
    await using place = await aHome();
    const file = await write(place.home, ".config/holdfast/holdfast.yaml", valid);

    const config = await loadConfig({ env: {}, home: place.home });

    assert.deepEqual([config.file, config.warnings], [file, []]);
  });

  test("is the one that was asked for, and no other", async () => {
    await using place = await aHome();
    await write(place.home, ".config/holdfast/holdfast.yaml", valid);

    await assert.rejects(
      loadConfig({ file: join(place.home, "other.yaml"), env: {}, home: place.home }),
      failsWith(
        "config-missing",
        /^there is no configuration at .*other\.yaml$/,
        /holdfast config example > .*other\.yaml$/,
      ),
    );
  });

  test("is named with all places where it was looked for", async () => {
    await using place = await aHome();

    await assert.rejects(
      loadConfig({ env: { XDG_CONFIG_HOME: place.home }, home: "/nowhere" }),
      failsWith(
        "config-missing",
        /looked for .*\/holdfast\/holdfast\.yaml and \/etc\/holdfast\/holdfast\.yaml$/,
        /^mkdir -p \S*\/holdfast && holdfast config example > .*\/holdfast\/holdfast\.yaml$/,
      ),
    );
  });

  test("is missed with a reason when it cannot be read", async () => {
    await using place = await aHome();

    await assert.rejects(
      loadConfig({ file: place.home, env: {}, home: place.home }),
      failsWith("config-missing", /cannot be read$/),
    );
  });

  test("says that others can read the secrets in it", async () => {
    await using place = await aHome();
    const file = await write(place.home, "holdfast.yaml", valid);
    await chmod(file, 0o640);

    const { warnings } = await loadConfig({ file, env: {}, home: place.home });

    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? "", /^repositories\.a\.password: the secret itself/);
  });

  test("is refused when it is far too large", async () => {
    await using place = await aHome();
    const file = await write(place.home, "holdfast.yaml", Buffer.alloc(10 * 1024 ** 2, "#"));

    await assert.rejects(
      loadConfig({ file, env: {}, home: place.home }),
      failsWith("config-invalid", /holdfast\.yaml:1:1: the file is larger than 1 MiB/),
    );
  });

  test("is refused when it is not UTF-8, with the place", async () => {
    await using place = await aHome();
    const latin1 = Buffer.from("# one\n# two: caf\xe9\n", "latin1");
    const file = await write(place.home, "holdfast.yaml", latin1);

    await assert.rejects(
      loadConfig({ file, env: {}, home: place.home }),
      failsWith("config-invalid", /holdfast\.yaml:2:11: the text is not UTF-8/, /UTF-8/),
    );
  });
});

suite("the directory of the journal", () => {
  const cases = [
    ["is in the user's folder of states", {}, "HOME/.local/state/holdfast"],
    ["follows XDG_STATE_HOME", { XDG_STATE_HOME: "/var/me" }, "/var/me/holdfast"],
    ["ignores a relative XDG_STATE_HOME", { XDG_STATE_HOME: "me" }, "HOME/.local/state/holdfast"],
    ["is what systemd gives", { STATE_DIRECTORY: "/var/lib/a:/var/lib/b" }, "/var/lib/a"],
  ] as const;
  for (const [title, env, state] of cases) {
    test(title, async () => {
      await using place = await aHome();
      await write(place.home, ".config/holdfast/holdfast.yaml", valid);

      const config = await loadConfig({ env, home: place.home });

      assert.equal(config.state.replace(place.home, "HOME"), state);
    });
  }

  test("is another one for a configuration that was asked for by name", async () => {
    await using place = await aHome();
    const file = await write(place.home, "other.yaml", valid);

    const { state } = await loadConfig({ file, env: {}, home: place.home });

    const name = encodeURIComponent(file);
    assert.equal(state, `${place.home}/.local/state/holdfast/of/${name}`);
  });
});
