// A Nextcloud that is put back in place: all of it or nothing, and what was there stays beside it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret } from "../../src/kernel/secret.ts";
import { holdfastProgram } from "../support/holdfast.ts";
import { mariadbTools, startMariadb } from "../support/mariadb-server.ts";
import { postgresqlTools, startPostgresql } from "../support/postgresql-server.ts";
import { Cloud, type CloudOptions } from "../support/restored-cloud.ts";
import { withoutTools } from "../support/tools.ts";

const options = { skip: withoutTools("tar", "sqlite3"), concurrency: 2 };

/** A cloud that was backed up and then changed, with both of its states. */
async function changedCloud(made: CloudOptions = {}) {
  const cloud = await Cloud.make(made);
  await cloud.succeed("run");
  const before = await cloud.state();
  await cloud.change();
  const after = await cloud.state();
  assert.notDeepEqual(after, before);
  return { cloud, before, after };
}

type Changed = Awaited<ReturnType<typeof changedCloud>>;

/** Fails unless it was put back whole, what was there is kept, and nothing else is left. */
async function assertPutBack({ cloud, before }: Changed) {
  assert.deepEqual(await cloud.state(), before);
  assert.equal(cloud.nextcloud.isInMaintenance(), false);
  assert.deepEqual(await cloud.leftovers(), []);
  assert.equal((await cloud.safetyCopies()).length, 1);
  const calls = (await cloud.nextcloud.calls()).map((words) => words[0]);
  assert.ok(calls.includes("maintenance:data-fingerprint"));
  assert.equal(calls.at(-1), "files:scan");
}

/** Fails unless nothing of it was touched. */
async function assertUntouched({ cloud, after }: Changed) {
  assert.deepEqual(await cloud.state(), after);
  assert.equal(cloud.nextcloud.isInMaintenance(), false);
  assert.deepEqual(await cloud.leftovers(), []);
  assert.deepEqual(await cloud.safetyCopies(), []);
  const recovered = await cloud.succeed("recover");
  assert.match(recovered, /nothing to recover/);
}

suite("a Nextcloud", options, () => {
  test("is put back in place, and what was there is kept beside it", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;

    const said = await cloud.succeed("restore", "cloud", "--in-place", "--yes");

    await assertPutBack(made);
    const [kept = ""] = await cloud.safetyCopies();
    const folder = join(cloud.nextcloud.folder, kept);
    assert.equal(await readFile(join(folder, "data/alice/files/new.txt"), "utf8"), "new");
    assert.match(await readFile(join(folder, "extra/config/config.php"), "utf8"), /another/);
    assert.ok(said.includes(`next: then remove what was there before: rm -r -- ${folder}`), said);
    // What it is put back to can be backed up, and what was there put back in turn.
    await cloud.succeed("run");
  });

  test("comes out of every engine that takes it", async () => {
    for (const repository of [
      { engine: "restic", password: { file: "password" } },
      { engine: "rsync" },
    ]) {
      const { engine } = repository;
      if (withoutTools(engine) !== false) continue;
      await using cloud = await Cloud.make();
      await cloud.user.write("password", "an ordinary password\n");
      const at = cloud.user.at(engine);
      const password = { password: { file: cloud.user.at("password") } };
      const own = engine === "restic" ? password : {};
      await cloud.configure({ repository: { engine, at, compress: undefined, ...own } });
      await cloud.succeed("init");
      await cloud.succeed("run");
      const before = await cloud.state();
      await cloud.change();

      await cloud.succeed("restore", "cloud", "--in-place", "--yes");

      assert.deepEqual(await cloud.state(), before, engine);
      assert.deepEqual(await cloud.leftovers(), [], engine);
    }
  });

  test("is not touched by a dry run, nor without a terminal to ask on", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;

    const shown = await cloud.succeed("restore", "cloud", "--in-place", "--dry-run");
    const refused = await cloud.user.holdfast("restore", "cloud", "--in-place");

    assert.match(shown, /would put snapshot .* in the place of the Nextcloud in /);
    assert.match(shown, /\n {2}3\. switch maintenance on/);
    assert.equal(refused.exitStatus, 2);
    assert.match(refused.stderr, /no terminal to ask on[^]*hint: .*--yes/);
    await assertUntouched(made);
  });

  test("stays in maintenance where it was before", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;
    await cloud.nextcloud.setConfig({ maintenance: true });

    const { exitStatus, stdout, stderr } = await cloud.user.holdfast(
      "restore",
      "cloud",
      "--in-place",
      "--yes",
    );

    assert.equal(exitStatus, 3, stderr);
    assert.deepEqual(await cloud.state(), made.before);
    assert.equal(cloud.nextcloud.isInMaintenance(), true);
    assert.match(stdout, /next: end maintenance when you are ready: .* maintenance:mode --off/);
  });

  test("is switched by occ where the folder of config.php is not known, and then keeps its settings", async () => {
    const made = await changedCloud({ source: { config: undefined } });
    await using cloud = made.cloud;

    await cloud.succeed("restore", "cloud", "--in-place", "--yes");

    const { files, rows, settings } = await cloud.state();
    assert.deepEqual([files, rows], [made.before.files, made.before.rows]);
    assert.equal(settings["theme"], "another");
    assert.equal(cloud.nextcloud.isInMaintenance(), false);
  });

  test("keeps the way to its files as it is now, and takes all else from the backup", async () => {
    const made = await changedCloud({ nextcloud: { config: { "memcache.local": "old" } } });
    await using cloud = made.cloud;
    await cloud.nextcloud.setConfig({ "memcache.local": `new\\ 'one'`, logfile: "/var/log/nc" });

    await cloud.succeed("restore", "cloud", "--in-place", "--yes");

    const { settings } = await cloud.state();
    assert.deepEqual(settings, {
      ...made.before.settings,
      "memcache.local": `new\\ 'one'`,
      logfile: "/var/log/nc",
    });
  });

  test("takes all settings from the backup, or none, when told so", async () => {
    const made = await changedCloud({ nextcloud: { config: { "memcache.local": "old" } } });
    await using cloud = made.cloud;
    await cloud.nextcloud.setConfig({ "memcache.local": "new" });
    const words = ["restore", "cloud", "--in-place", "--yes", "--settings"];

    await cloud.succeed(...words, "current");
    const current = await cloud.state();
    await cloud.succeed(...words, "backup");
    const backup = await cloud.state();

    assert.equal(current.settings["memcache.local"], "new");
    assert.equal(current.settings["theme"], "another");
    assert.deepEqual(backup.settings, made.before.settings);
  });

  test("is put back when its data directory and its database are gone", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;
    await rm(cloud.nextcloud.data, { recursive: true });

    const said = await cloud.succeed("restore", "cloud", "--in-place", "--yes");

    assert.match(said, /warning: occ does nothing now/);
    await assertPutBack(made);
  });

  test("is not replaced by one of another instance or a newer version, unless told so", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;
    await cloud.nextcloud.setConfig({ instanceid: "another" });
    const words = ["restore", "cloud", "--in-place", "--yes"];
    const refused = await cloud.user.holdfast(...words);
    await cloud.nextcloud.setConfig({ instanceid: "ocfaketest01", version: "28.0.1.1" });
    const occ = await readFile(cloud.nextcloud.occ[0], "utf8");
    await writeFile(cloud.nextcloud.occ[0], occ.replace("29.0.6.1", "28.0.1.1"));
    const newer = await cloud.user.holdfast(...words);
    await writeFile(cloud.nextcloud.occ[0], occ);
    await cloud.nextcloud.setConfig({ instanceid: "another", version: "29.0.6.1" });

    const forced = await cloud.user.holdfast(...words, "--force");

    assert.equal(refused.exitStatus, 2);
    assert.match(refused.stderr, /is of another Nextcloud \(ocfaketest01\)[^]*hint: .*--force/);
    assert.equal(newer.exitStatus, 2);
    assert.match(newer.stderr, /is newer than 28\.0\.1\.1/);
    assert.equal(forced.exitStatus, 3, forced.stderr);
    assert.deepEqual((await cloud.state()).settings, made.before.settings);
  });

  test("is as it was when its dump turns out to be broken", async () => {
    const made = await changedCloud({ nextcloud: { content: "small" } });
    await using cloud = made.cloud;
    await breakDump(cloud);

    const { exitStatus, stderr } = await cloud.user.holdfast(
      "restore",
      "cloud",
      "--in-place",
      "--yes",
    );

    assert.equal(exitStatus, 1, stderr);
    assert.match(stderr, /what was there is in place again/);
    await assertUntouched(made);
  });

  test("is as it was when occ refuses in the middle", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;
    const [occ] = cloud.nextcloud.occ;
    const script = await readFile(occ, "utf8");
    const refusal = 'case "$*" in *fingerprint*) echo "no" >&2; exit 1 ;; esac';
    await writeFile(occ, script.replace("\n", `\n${refusal}\n`));

    const { exitStatus, stderr } = await cloud.user.holdfast(
      "restore",
      "cloud",
      "--in-place",
      "--yes",
    );

    assert.equal(exitStatus, 1, stderr);
    assert.match(stderr, /what was there is in place again/);
    await writeFile(occ, script);
    await assertUntouched(made);
  });

  test("is as it was when a person interrupts it in the middle", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;
    const [occ] = cloud.nextcloud.occ;
    const script = await readFile(occ, "utf8");
    const said = cloud.user.at("reached");
    const hanging = `case "$*" in *fingerprint*) : > '${said}'; exec sleep 600 ;; esac`;
    await writeFile(occ, script.replace("\n", `\n${hanging}\n`));
    const { child, ended } = cloud.user.start(["restore", "cloud", "--in-place", "--yes"]);
    while (!existsSync(said) && child.exitCode === null) await sleep(50);

    child.kill("SIGINT");
    const { exitStatus, stderr } = await ended;

    assert.equal(exitStatus, 130, stderr);
    assert.match(stderr, /what was there is in place again/);
    await writeFile(occ, script);
    await assertUntouched(made);
  });

  test("is put back for who says so at the terminal, and for nobody else", async (t) => {
    if (withoutTools("script") !== false) {
      t.skip("needs script");
      return;
    }
    const made = await changedCloud();
    await using cloud = made.cloud;
    const { user } = cloud;
    const onTerminal = async (answer: string): Promise<string> => {
      const command = `'${holdfastProgram}' restore cloud --in-place; echo "exit $?"`;
      const words = ["-q", "-c", command, "/dev/null"];
      const child = spawn("script", words, {
        cwd: user.home,
        env: user.environment({ TERM: "xterm" }),
        stdio: ["pipe", "pipe", "inherit"],
      });
      let shown = "";
      for await (const chunk of child.stdout) {
        shown += String(chunk);
        if (shown.includes("[y/N]") && !child.stdin.writableEnded) child.stdin.end(`${answer}\n`);
      }
      return shown;
    };

    const refused = await onTerminal("n");
    await assertUntouched(made);
    const confirmed = await onTerminal("y");

    assert.match(refused, /8\. switch maintenance off/);
    assert.match(refused, /not confirmed, so nothing was done[^]*exit 130/);
    assert.match(confirmed, /put back the Nextcloud in [^]*exit 0/);
    assert.deepEqual(await cloud.state(), made.before);
  });

  test("is tried out in another directory and another database", async () => {
    const made = await changedCloud();
    await using cloud = made.cloud;
    const [target, database] = [cloud.user.at("drill"), cloud.user.at("drill.db")];
    const words = ["restore", "cloud", "--target", target, "--database", database];

    await cloud.succeed(...words);
    await rm(target, { recursive: true });
    const again = await cloud.user.holdfast(...words);

    assert.equal(again.exitStatus, 2);
    assert.match(again.stderr, /is there, and not empty/);
    await assertUntouched(made);
  });
});

/** Cuts the end off the dump in the archive that the job's one snapshot is. */
async function breakDump(cloud: Cloud): Promise<void> {
  const repository = cloud.user.at("repository");
  const names = await readdir(repository, { recursive: true });
  const archive = names.find((name) => name.endsWith(".tar"));
  assert.ok(archive !== undefined, names.join(", "));
  const file = join(repository, archive);
  const bytes = await readFile(file);
  // Its own header says where the dump begins, 512 bytes behind it.
  const header = bytes.indexOf("./database_backup.bak\0");
  bytes.fill(0x20, header + 512, header + 512 + 100);
  await writeFile(file, bytes);
}

for (const [kind, tools] of [
  ["mariadb", mariadbTools],
  ["postgresql", postgresqlTools],
] as const) {
  suite(`a Nextcloud on ${kind}`, { skip: withoutTools(...tools) }, () => {
    test("is put back in place, and its database dumped before", async () => {
      await using server = kind === "mariadb" ? await startMariadb() : await startPostgresql();
      await server.createDatabase("cloud", "cloud", "a-canary-password");
      const password = new Secret("a-canary-password");
      const { host, port } = server;
      const settings = { kind, name: "cloud", user: "cloud", password, host, port };
      const as = kind === "postgresql" ? "SET ROLE cloud; " : "";
      const query = async (statements: string): Promise<string> =>
        await server.query(`${as}${statements}`, "cloud");
      const made = await changedCloud({ database: { settings, query } });
      await using cloud = made.cloud;

      await cloud.succeed("restore", "cloud", "--in-place", "--yes");

      await assertPutBack(made);
      const [kept = ""] = await cloud.safetyCopies();
      const folder = join(cloud.nextcloud.folder, kept);
      const names = await readdir(folder);
      assert.deepEqual(names.toSorted(), ["data", "database_backup.bak", "extra"]);
      const dump = await readFile(join(folder, "database_backup.bak"), "utf8");
      assert.match(dump, /files\/new\.txt/);
    });
  });
}
