// Databases that a real Nextcloud made, and restores that fail in the middle.
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { dumpTo, folderFor, printed, rowsOf } from "../../test/support/database-contract.ts";
import { mariadbKind, postgresqlKind, sqliteKind } from "../../test/support/database-subjects.ts";
import { localHost } from "../hosts/local.ts";
import { Secret } from "../kernel/secret.ts";
import { openDatabase } from "./index.ts";

const fixtures = join(import.meta.dirname, "../../test/fixtures/nextcloud");
const here = { host: localHost(), through: [] };

suite("the database of a Nextcloud", () => {
  for (const [kind, file, least] of [
    [mariadbKind, "local/database.sql.gz", 100],
    [mariadbKind, "s3-mariadb/database.sql.gz", 400],
    [postgresqlKind, "s3-postgresql/database.sql.gz", 400],
  ] as const) {
    test(
      `in ${kind.name} is read, dumped and read again: ${file}`,
      { skip: kind.skip },
      async (t) => {
        await using subject = await kind.start();
        const database = openDatabase(subject.settings, here);
        await database.restore({ file: join(fixtures, file) }, t.signal);
        const dump = join(await folderFor(t), "dump.zst");
        const query = "SELECT fileid, path, name, checksum FROM oc_filecache ORDER BY fileid";

        await dumpTo(database, { file: dump, compress: "zstd" }, t.signal);
        await database.restore({ file: dump, into: subject.other.name }, t.signal);
        const [rows = []] = await rowsOf(database, [query], t.signal);
        const copy = openDatabase(subject.other.settings, here);
        const [again = []] = await rowsOf(copy, [query], t.signal);

        assert.equal(await subject.content(true), await subject.content());
        assert.ok(rows.length > least, String(rows.length));
        assert.deepEqual(again, rows);
        // In storage of objects copies have NULL where others have nothing or a text.
        const beginnings = new Set(rows.map(([, , , checksum]) => checksum?.slice(0, 1)));
        assert.equal(beginnings.has(undefined) && beginnings.has(""), file.startsWith("s3"));
        for (const [, path, name] of rows) assert.ok(path === "" || path?.endsWith(name ?? ""));
      },
    );
  }

  test(
    "in SQLite is copied with what is in its write-ahead log only",
    { skip: sqliteKind.skip },
    async (t) => {
      const folder = await folderFor(t);
      await printed("tar", [
        "-C",
        folder,
        "-xf",
        join(fixtures, "local/owncloud-with-wal.tar.zst"),
      ]);
      const [original = ""] = (await printed("find", [folder, "-name", "owncloud.db"])).split("\n");
      const without = join(folder, "without.db");
      await copyFile(original, without);
      const query = "SELECT count(*) FROM oc_preferences WHERE appid = 'fixture'";

      const file = join(folder, "dump");
      await dumpTo(
        openDatabase({ kind: "sqlite", file: original }, here),
        { file, compress: "none" },
        t.signal,
      );

      assert.equal((await printed("sqlite3", [without, query])).trim(), "0");
      assert.equal((await printed("sqlite3", [file, query])).trim(), "1");
    },
  );
});

suite("a restore that fails in the middle", () => {
  for (const kind of [mariadbKind, postgresqlKind]) {
    test(`says so: ${kind.name}`, { skip: kind.skip }, async (t) => {
      await using subject = await kind.start();
      const file = join(await folderFor(t), "dump");
      const database = openDatabase(subject.settings, here);
      await dumpTo(database, { file, compress: "none" }, t.signal);
      const text = await readFile(file, "latin1");
      const at = text.indexOf("\n--\n", text.length / 2);
      const damaged = `${text.slice(0, at)}\nINSERT INTO nowhere VALUES (1);${text.slice(at)}`;
      await writeFile(file, damaged, "latin1");
      const original = await subject.content();

      const restoring = database.restore({ file }, t.signal);

      await assert.rejects(restoring, { code: "database-unusable", message: /nowhere/ });
      // All of it or nothing: PostgreSQL only can promise that.
      if (kind === postgresqlKind) assert.equal(await subject.content(), original);
    });
  }

  test(
    "touches nothing where a file of SQLite is damaged",
    { skip: sqliteKind.skip },
    async (t) => {
      await using subject = await sqliteKind.start();
      const file = join(await folderFor(t), "dump");
      const database = openDatabase(subject.settings, here);
      await dumpTo(database, { file, compress: "none" }, t.signal);
      const bytes = await readFile(file);
      bytes.fill(0xff, 4096, 8192);
      await writeFile(file, bytes);
      const original = await subject.content();

      await assert.rejects(database.restore({ file }, t.signal), { code: "database-unusable" });

      assert.equal(await subject.content(), original);
    },
  );
});

test("a password of several lines is refused, not taken for statements", async (t) => {
  const password = new Secret("one\nDROP DATABASE shop");
  const database = openDatabase({ kind: "mariadb", name: "shop", password }, here);

  await assert.rejects(rowsOf(database, ["SELECT 1"], t.signal), { code: "password-wrong" });
});
