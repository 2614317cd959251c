// Whether the stand-in for occ says what the real one was seen to say.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Capture, occCapture } from "./nextcloud-captures.ts";
import { newNextcloud, nextcloudFixtures, type TestNextcloud } from "./nextcloud.ts";
import { freePort } from "./service.ts";
import { withoutOtherUsers } from "./tools.ts";

type Said = Pick<Capture, "exitStatus" | "stdout" | "stderr">;

function say(nextcloud: TestNextcloud, words: readonly string[], uid?: number): Said {
  const [program] = nextcloud.occ;
  const { status, stdout, stderr } = spawnSync(program, words, {
    encoding: "utf8",
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return { exitStatus: status ?? -1, stdout, stderr };
}

/** Without what differs from one machine to the next: paths, traces, blanks, where lines end. */
function gist(text: string): string {
  return text
    .replaceAll(/ in \/\S+:\d+|port \d+|#\d+ .*\n?|Stack trace:\n|\/\S+\/config\.php/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

function read(json: string): unknown {
  return JSON.parse(json);
}

function assertSame(said: Said, name: string): void {
  const real = occCapture(name);
  assert.equal(said.exitStatus, real.exitStatus, name);
  assert.equal(gist(said.stdout), gist(real.stdout), name);
  assert.equal(gist(said.stderr), gist(real.stderr), name);
}

suite("the stand-in for occ", () => {
  let nextcloud: TestNextcloud;

  before(async () => {
    nextcloud = await newNextcloud();
  });
  after(async () => {
    await nextcloud[Symbol.asyncDispose]();
  });

  const asked = [
    ["status", ["status"]],
    ["status-json", ["status", "--output=json"]],
    ["status-exit-code", ["status", "-e"]],
    ["maintenance-mode", ["maintenance:mode"]],
    ["maintenance-mode-json", ["maintenance:mode", "--output=json"]],
    ["no-such-command", ["no:such:command"]],
    ["version", ["--version"]],
    ["config-system-get-maintenance-json", ["config:system:get", "maintenance", "--output=json"]],
    ["config-system-get-objectstore", ["config:system:get", "objectstore"]],
  ] as const;
  for (const [suffix, switching, again] of [
    ["", "--off", "maintenance-mode-off-2"],
    [".maintenance", "--on", "maintenance-mode-on-2"],
  ] as const) {
    test(`says what the real one says after maintenance:mode ${switching}`, () => {
      if (switching === "--on") {
        assertSame(
          say(nextcloud, ["maintenance:mode", "--on"]),
          "local-mariadb/maintenance-mode-on-1",
        );
      }

      for (const [name, words] of asked)
        assertSame(say(nextcloud, words), `local-mariadb/${name}${suffix}`);
      assertSame(say(nextcloud, ["maintenance:mode", switching]), `local-mariadb/${again}`);
    });
  }

  test("lists the configuration as the real one does", async () => {
    const name = "s3-mariadb/config-list-system-private-json";
    const config = await readFile(join(nextcloudFixtures, "config/s3-mariadb/config.php"), "utf8");
    await using other = await newNextcloud();
    // Its folders and its database are not here: these are asked for first.
    const here = config
      .replace(/'apps_paths' => [\s\S]*?\n {2}\),\n/, "")
      .replace("'mysql'", "'sqlite3'")
      .replace("/srv/nextcloud/s3-mariadb/data", other.data);
    await writeFile(other.configFile, here);

    const said = say(other, occCapture(name).words);

    const expected = occCapture(name)
      .stdout.replace(/"apps_paths":\[.*?\],/, "")
      .replace('"mysql"', '"sqlite3"')
      .replace(String.raw`\/srv\/nextcloud\/s3-mariadb\/data`, other.data.replaceAll("/", "\\/"));
    assert.partialDeepStrictEqual(read(said.stdout), read(expected));
  });

  test("refuses the wrong user, as the real one does", { skip: withoutOtherUsers() }, async () => {
    await using other = await newNextcloud();
    await other.giveConfigTo(33);

    assertSame(say(other, ["status", "--output=json"]), "wrong-user/root/status-json");
    const nobody = say(other, ["maintenance:mode", "--on"], 65534);
    const real = occCapture("wrong-user/nobody/maintenance-mode-on");
    assert.deepEqual([nobody.exitStatus, nobody.stdout], [real.exitStatus, real.stdout]);
    assert.equal(say(other, ["status"], 33).exitStatus, 0);
  });

  test("ends with 0 and does nothing where config.php is read-only", async () => {
    await using other = await newNextcloud();
    await chmod(other.configFile, 0o440);

    const said = say(other, ["maintenance:mode", "--on"]);

    assertSame(said, "configuration/read-only-file/maintenance-mode-on");
    assert.equal(other.isInMaintenance(), false);
  });

  test("does nothing without its database", async () => {
    const config = { dbtype: "mysql", dbhost: `127.0.0.1:${await freePort()}` };
    await using mariadb = await newNextcloud({ config });
    await using postgresql = await newNextcloud({ config: { ...config, dbtype: "pgsql" } });

    const down = "maintenance-mode-off";
    assertSame(say(mariadb, ["maintenance:mode", "--off"]), `database-down/mariadb-tcp/${down}`);
    assertSame(say(postgresql, ["maintenance:mode", "--off"]), `database-down/postgresql/${down}`);
  });

  for (const [state, text] of [
    ["empty", ""],
    ["not-installed", "<?php\n$CONFIG = array (\n);\n"],
    ["leading-newline", "\n<?php\n$CONFIG = array ();\n"],
    ["byte-order-mark", "\uFEFF<?php\n$CONFIG = array ();\n"],
  ] as const) {
    test(`says what the real one says with a configuration that is ${state}`, async () => {
      await using other = await newNextcloud();
      await writeFile(other.configFile, text);

      const said = say(other, ["status", "--output=json"]);

      const real = occCapture(`configuration/${state}/status-json`);
      assert.equal(said.exitStatus, real.exitStatus);
      assert.equal(
        gist(said.stdout).replace("\uFEFF", ""),
        gist(real.stdout).replace("\uFEFF", ""),
      );
    });
  }

  for (const [state, version] of [
    ["needs-upgrade", "28.0.0.0"],
    ["downgrade", "30.0.0.1"],
  ] as const) {
    test(`says what the real one says when the version means ${state}`, async () => {
      await using other = await newNextcloud({ config: { version } });

      const said = say(other, ["status", "--output=json"]);

      assertSame(said, `configuration/${state}/status-json`);
    });
  }

  test("loses the comments of config.php, and merges what other files say into it", async () => {
    await using other = await newNextcloud();
    const text = await readFile(other.configFile, "utf8");
    await writeFile(other.configFile, text.replace("array (", "array ( // a comment\n"));
    await writeFile(join(other.config, "9.config.php"), "<?php $CONFIG = ['merged' => 'yes'];");

    say(other, ["maintenance:mode", "--on"]);

    const rewritten = await readFile(other.configFile, "utf8");
    assert.ok(!rewritten.includes("a comment"));
    assert.match(rewritten, /'merged' => 'yes',\n {2}'maintenance' => true,\n/);
  });
});
