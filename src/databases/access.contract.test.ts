// Databases behind something else: a container, another machine, a tool that fails.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test, type TestContext } from "node:test";
import { canariesIn, canary } from "../../test/support/canaries.ts";
import { pretendedDocker, withTool } from "../../test/support/database-access.ts";
import {
  dumpTo,
  folderFor,
  type Kind,
  oddTexts,
  rowsOf,
  type Subject,
} from "../../test/support/database-contract.ts";
import { mariadbKind, postgresqlKind, sqliteKind } from "../../test/support/database-subjects.ts";
import { newDisk, withoutDisks } from "../../test/support/disk.ts";
import { startProcessSampler } from "../../test/support/process-sampler.ts";
import { freePort } from "../../test/support/service.ts";
import { sshdTools, startSshd } from "../../test/support/sshd.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { anywhere } from "../hosts/hosts.ts";
import { AnyHost } from "../hosts/ssh/index.ts";
import { localHost } from "../hosts/local.ts";
import { Secret } from "../kernel/secret.ts";
import type { Database, DatabaseAccess, DatabaseSettings } from "./database.ts";
import { openDatabase } from "./index.ts";

const host = localHost();
const dumpTool = { mariadb: "mariadb-dump", postgresql: "pg_dump", sqlite: "sqlite3" } as const;

function open(settings: DatabaseSettings, access: Partial<DatabaseAccess> = {}): Database {
  return openDatabase(settings, { host, through: [], ...access });
}

async function codesOf(database: Database, signal: AbortSignal): Promise<readonly string[]> {
  return (await database.examine(signal)).map(({ code, severity }) => `${severity} ${code}`);
}

for (const kind of [mariadbKind, postgresqlKind, sqliteKind]) {
  suite(`a database of ${kind.name} behind something else`, { skip: kind.skip }, () => {
    const stack = new AsyncDisposableStack();
    let subject: Subject;
    before(async () => {
      subject = stack.use(await kind.start());
    });
    after(async () => await stack.disposeAsync());

    /** A dump and its way back, and rows. */
    async function roundTrip(
      t: TestContext,
      access: Partial<DatabaseAccess>,
      folder: string,
    ): Promise<void> {
      const database = open(subject.settings, access);
      const file = join(folder, "dump.zst");
      await dumpTo(database, { file, compress: "zstd" }, t.signal);
      await database.restore({ file, into: subject.other.name }, t.signal);
      assert.equal(await subject.content(true), await subject.content());
      const [texts = []] = await rowsOf(database, ["SELECT t FROM texts ORDER BY id"], t.signal);
      assert.deepEqual(texts.flat(), oddTexts);
      assert.deepEqual(await codesOf(database, t.signal), ["ok database"]);
    }

    for (const words of [
      ["exec", "-i", "db"],
      ["compose", "-f", "a file.yaml", "exec", "-T", "db"],
    ]) {
      test(`is dumped and restored through docker ${words.join(" ")}`, async (t) => {
        const folder = await folderFor(t);

        await roundTrip(t, { through: [await pretendedDocker(folder), ...words] }, folder);
      });
    }

    for (const [words, code, hint] of [
      [["exec", "db"], "database-unusable", /docker exec -i/],
      [["compose", "exec", "db"], "database-unusable", /exec -T/],
      [["exec", "-i", "other"], "database-unusable", /through/],
    ] as const) {
      test(`says what is wrong with docker ${words.join(" ")}`, async (t) => {
        const folder = await folderFor(t);
        const through = [await pretendedDocker(folder), ...words];
        const database = open(subject.settings, { through });

        const dumping = dumpTo(
          database,
          { file: join(folder, "dump"), compress: "none" },
          t.signal,
        );

        await assert.rejects(dumping, { code, hint });
        assert.deepEqual(await codesOf(database, t.signal), [`error ${code}`]);
        assert.deepEqual(await readdir(folder), ["docker"]);
      });
    }

    test(
      "is dumped and restored on another machine",
      { skip: withoutTools(...sshdTools) },
      async (t) => {
        await using server = await startSshd();
        const spec = AnyHost.parse(server.entry);
        const specs = new Map([["server", spec]]);
        await using far = spec.open({ name: "server", here: host, choice: anywhere, specs });

        await roundTrip(t, { host: far.host }, await folderFor(t));
      },
    );

    for (const [what, script] of [
      ["loses the last byte", '"$real" "$@" | head -c -1'],
      ["is killed when all is said", '"$real" "$@"; kill -KILL $$'],
      ["fails when all is said", '"$real" "$@"; exit 1'],
      ["says nothing", "cat >/dev/null"],
    ] as const) {
      test(`is not dumped by a tool that ${what}`, async (t) => {
        const folder = await folderFor(t);
        // Of SQLite it is not the tool itself that hands the copy over.
        const isCopied = subject.settings.kind === "sqlite" && script.includes("head");
        const tool = isCopied ? "cat" : dumpTool[subject.settings.kind];
        const through = await withTool(folder, tool, script);
        const database = open(subject.settings, { through });
        const file = join(folder, "dump");

        const dumping = dumpTo(database, { file, compress: "gzip" }, t.signal);

        await assert.rejects(dumping, { code: "dump-failed" });
        assert.deepEqual(await readdir(folder), ["bin"]);
      });
    }

    test("says which tool is missing", async (t) => {
      const folder = await folderFor(t);
      // Nothing but a shell and what its script needs.
      for (const tool of ["sh", "cat", "env"]) await symlink(`/bin/${tool}`, join(folder, tool));
      const database = open(subject.settings, { through: ["env", `PATH=${folder}`] });

      const findings = await database.examine(t.signal);

      assert.deepEqual(
        findings.map(({ code }) => code),
        ["tool-missing"],
      );
      assert.match(findings[0]?.message ?? "", new RegExp(dumpTool[subject.settings.kind]));
    });

    test("says that the disk is full", { skip: withoutDisks("ext4") }, async (t) => {
      await using disk = await newDisk({ format: "ext4", sizeMiB: 16 });
      spawnSync("dd", ["if=/dev/zero", `of=${disk.path}/filler`, "bs=64k"]);
      const file = join(disk.path, "dump");

      const dumping = dumpTo(open(subject.settings), { file, compress: "none" }, t.signal);

      await assert.rejects(dumping, {
        code: "dump-failed",
        message: /No space left|no space left|disk is full/,
      });
      assert.deepEqual((await readdir(disk.path)).toSorted(), ["filler", "lost+found"]);
    });

    test("never has its password in an argument", { skip: kind === sqliteKind }, async (t) => {
      const folder = await folderFor(t);
      await using sampler = await startProcessSampler();
      spawnSync("sh", ["-c", "sleep 0.3; true", canary("control")]);

      await roundTrip(t, {}, folder);

      const { processes } = await sampler.stop();
      const seen = processes.flatMap((each) => canariesIn(each.arguments));
      assert.ok(seen.some((text) => text.includes("control")));
      assert.deepEqual(
        seen.filter((text) => !text.includes("control")),
        [],
      );
    });
  });
}

for (const kind of [mariadbKind, postgresqlKind]) {
  suite(`a server of ${kind.name}`, { skip: kind.skip }, () => {
    const stack = new AsyncDisposableStack();
    let subject: Subject;
    before(async () => {
      subject = stack.use(await kind.start());
    });
    after(async () => await stack.disposeAsync());

    async function failure(
      t: TestContext,
      change: Readonly<Record<string, unknown>>,
    ): Promise<{ readonly code: string; readonly message: string; readonly hint: string }> {
      const folder = await folderFor(t);
      const database = open({ ...subject.settings, ...change });
      try {
        await dumpTo(database, { file: join(folder, "dump"), compress: "none" }, t.signal);
      } catch (error) {
        const { code = "", message = "", hint = "" } = { ...Object(error), message: String(error) };
        assert.deepEqual(await readdir(folder), []);
        return { code, message, hint };
      }
      return assert.fail("it was dumped");
    }

    test("refuses a wrong password, and none", async (t) => {
      const wrong = await failure(t, { password: new Secret("wrong") });
      const none = await failure(t, { password: undefined });

      assert.equal(wrong.code, "password-wrong");
      assert.equal(none.code, "password-wrong");
      assert.match(wrong.hint, /`password`/);
    });

    test("is told when it does not answer", async (t) => {
      const gone = await failure(t, { port: await freePort() });

      assert.equal(gone.code, "database-unusable");
      assert.match(gone.hint, /server runs/);
    });

    test("is told when a table may not be read", async (t) => {
      await subject.allowLess?.();

      const denied = await failure(t, {});

      assert.equal(denied.code, "dump-failed");
      assert.match(denied.message, /denied/);
      assert.match(denied.hint, /read all of it/);
    });
  });
}

suite("a large table", { skip: mariadbKind.skip || postgresqlKind.skip }, () => {
  const count = Number(process.env["HOLDFAST_ROWS"] ?? 200_000);

  async function readAll(kind: Kind, fill: string, t: TestContext): Promise<void> {
    await using subject = await kind.start();
    await subject.query(fill);
    const atFirst = process.memoryUsage().rss;
    let most = 0;
    let seen = 0;
    let sum = 0;

    const rows = open(subject.settings).rows(["SELECT id, n FROM numbers"], t.signal);
    for await (const batch of rows) {
      seen += batch.rows.length;
      for (const [id] of batch.rows) sum += Number(id);
      most = Math.max(most, process.memoryUsage().rss);
    }

    assert.equal(seen, count);
    assert.equal(sum, (count * (count + 1)) / 2);
    const grown = (most - atFirst) / 2 ** 20;
    t.diagnostic(`${count} rows, ${grown.toFixed(0)} MiB more memory`);
    assert.ok(grown < 150, `${grown} MiB`);
  }

  const text = "a path of some length/".repeat(5);

  test("of MariaDB is read in flat memory", async (t) => {
    await readAll(
      mariadbKind,
      `DELETE FROM numbers; INSERT INTO numbers SELECT seq, '${text}' FROM seq_1_to_${count}`,
      t,
    );
  });

  test("of PostgreSQL is read in flat memory", async (t) => {
    await readAll(
      postgresqlKind,
      `DELETE FROM numbers; INSERT INTO numbers SELECT n, '${text}' FROM generate_series(1, ${count}) n`,
      t,
    );
  });
});

suite("a table without transactions", { skip: mariadbKind.skip }, () => {
  test("is named after a dump, because it may be in it by half", async (t) => {
    await using subject = await mariadbKind.start();
    await subject.query("CREATE TABLE old_one (id int) ENGINE = MyISAM");
    const file = join(await folderFor(t), "dump");

    const { notes } = await dumpTo(open(subject.settings), { file, compress: "none" }, t.signal);
    const findings = await codesOf(open(subject.settings), t.signal);

    assert.match(notes.join("\n"), /old_one/);
    assert.deepEqual(findings, ["ok database", "warning database-inconsistent"]);
    assert.ok((await stat(file)).size > 1000);
  });
});
