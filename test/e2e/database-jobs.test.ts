// Jobs of databases that are more than one, on another machine, or killed.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { finishedRun } from "../support/backup-user.ts";
import { withTool } from "../support/database-access.ts";
import { sourceOf, succeeded } from "../support/database-user.ts";
import type { Subject } from "../support/database-contract.ts";
import { mariadbKind, postgresqlKind, sqliteKind } from "../support/database-subjects.ts";
import { newUser } from "../support/holdfast.ts";
import { sshdTools, startSshd } from "../support/sshd.ts";
import { withoutTools } from "../support/tools.ts";

const kinds = [mariadbKind, postgresqlKind, sqliteKind] as const;
const skip =
  kinds.map((kind) => kind.skip).find((reason) => reason !== false) ??
  withoutTools("restic", "rsync");

suite("a job of databases", { skip }, () => {
  const stack = new AsyncDisposableStack();
  const subjects: Subject[] = [];
  before(async () => {
    for (const kind of kinds) subjects.push(stack.use(await kind.start()));
  });
  after(async () => await stack.disposeAsync());

  test("holds several in one snapshot, and brings back any of them, also to practise", async () => {
    await using user = await newUser();
    const sources: object[] = [];
    for (const { settings } of subjects) sources.push(await sourceOf(user, settings));
    const password = { file: await user.write("restic.password", "an ordinary password\n") };
    await user.configure({
      state: user.at("state"),
      repositories: { disk: { engine: "restic", at: user.at("repository"), password } },
      jobs: { all: { sources, repository: "disk" } },
    });
    const [mariadb, postgresql] = subjects;
    assert.ok(mariadb !== undefined && postgresql !== undefined);
    const original = await mariadb.content();
    const other = await postgresql.content();
    succeeded(await user.holdfast("init"));

    const finished = finishedRun(succeeded(await user.holdfast("run", "--json")));
    await mariadb.query("DELETE FROM numbers");
    const named = "mariadb shop 1 -- ünd";
    succeeded(await user.holdfast("restore", "all", "--in-place", "--source", named, "--yes"));
    const drill = ["--target", user.at("drill"), "--database", "drill_1", "--yes"];
    const source = ["--source", "postgresql shop 1 -- ünd"];
    succeeded(await user.holdfast("restore", "all", ...source, ...drill));

    assert.equal(finished["outcome"], "success");
    assert.match(JSON.stringify(finished["evidence"]), /"dumpedBytes":\d{6}/);
    assert.equal(await mariadb.content(), original);
    assert.equal(await postgresql.content(), other);
    assert.equal(await postgresql.count("drill_1"), "2000");
    assert.deepEqual(
      (await readdir(user.at("staging"))).filter((name) => !name.includes(".before-")),
      [],
    );
  });

  test(
    "is of another machine, by what runs there",
    { skip: withoutTools(...sshdTools) },
    async () => {
      await using user = await newUser();
      await using server = await startSshd();
      await mkdir(user.at("far"));
      const [mariadb] = subjects;
      assert.ok(mariadb !== undefined);
      const source = await sourceOf(user, mariadb.settings, { staging: "far:tmp" });
      await user.configure({
        state: user.at("state"),
        hosts: { server: server.entry },
        volumes: { far: { host: "server", path: user.at("far") } },
        repositories: { disk: { engine: "rsync", at: user.at("mirror") } },
        jobs: { shop: { sources: [source], repository: "disk" } },
      });
      succeeded(await user.holdfast("init"));

      const { outcome } = finishedRun(succeeded(await user.holdfast("run", "--json")));

      assert.equal(outcome, "success");
      assert.deepEqual(await readdir(user.at("far/tmp")), []);
      succeeded(await user.holdfast("restore", "shop", "--target", user.at("restored")));
      assert.deepEqual(await readdir(user.at("restored")), ["shop 1 -- ünd.sql"]);
    },
  );

  test("that is killed leaves no dump behind", async () => {
    await using user = await newUser();
    const [mariadb] = subjects;
    assert.ok(mariadb !== undefined);
    const through = await withTool(user.home, "mariadb-dump", '"$real" "$@"; sleep 600');
    const source = await sourceOf(user, mariadb.settings, { through });
    await user.configure({
      state: user.at("state"),
      repositories: { disk: { engine: "rsync", at: user.at("mirror") } },
      jobs: { shop: { sources: [source], repository: "disk" } },
    });
    succeeded(await user.holdfast("init"));
    const staging = user.at("staging");

    const { child, ended } = user.start(["run"]);
    while (
      !(
        existsSync(staging) &&
        (await readdir(staging, { recursive: true })).some((name) => name.endsWith(".part"))
      )
    ) {
      await sleep(50);
    }
    child.kill("SIGKILL");
    await ended;
    const left = await readdir(staging);
    succeeded(await user.holdfast("recover"));

    assert.equal(left.length, 2);
    assert.deepEqual(await readdir(staging), []);
  });
});
