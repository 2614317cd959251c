import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite, test, type TestContext } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { openForReading, openForWriting } from "./file.ts";
import { openJournal } from "./open.ts";
import { migrations } from "./schema.ts";

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-file-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A journal with some content, closed: all of it is in the one file. */
function usedJournal(t: TestContext): { directory: string; file: string } {
  const directory = newDirectory(t);
  using journal = openJournal(directory);
  const { id } = journal.startRun("documents", "command");
  for (let count = 0; count < 20; count += 1) {
    journal.append(id, { time: new Date(0), event: "warning", data: { text: "x".repeat(3000) } });
  }
  journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [] });
  return { directory, file: join(directory, "journal.sqlite") };
}

function unusable(file: string, reason: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, "journal-unusable");
    assert.ok(error.message.includes(file), error.message);
    assert.match(error.message, reason);
    assert.ok(error.hint);
    return true;
  };
}

suite("a file that cannot be used", () => {
  for (const readOnly of [false, true]) {
    const how = readOnly ? "for reading" : "for writing";

    test(`is one that a newer version wrote (${how})`, (t) => {
      const { directory, file } = usedJournal(t);
      using newer = new DatabaseSync(file);
      newer.exec("PRAGMA user_version = 999");

      const open = () => openJournal(directory, { readOnly });

      assert.throws(open, unusable(file, /newer version.* 999/));
    });

    test(`is one that is no database (${how})`, (t) => {
      const directory = newDirectory(t);
      const file = join(directory, "journal.sqlite");
      writeFileSync(file, "This is a diary, not a journal.\n".repeat(200));

      const open = () => openJournal(directory, { readOnly });

      assert.throws(open, unusable(file, /damaged/));
      assert.match(readFileSync(file, "utf8"), /^This is a diary/);
    });

    test(`is somebody else's database (${how})`, (t) => {
      const directory = newDirectory(t);
      const file = join(directory, "journal.sqlite");
      using stranger = new DatabaseSync(file);
      stranger.exec("CREATE TABLE recipes (name TEXT)");

      const open = () => openJournal(directory, { readOnly });

      assert.throws(open, unusable(file, /damaged/));
    });

    test(`is one that was cut off (${how})`, (t) => {
      const { directory, file } = usedJournal(t);
      truncateSync(file, 10_000);

      const use = () => {
        using journal = openJournal(directory, { readOnly });
        for (const { id } of journal.runs({ limit: 100 })) journal.events(id);
      };

      assert.throws(use, unusable(file, /damaged/));
    });

    test(`is one whose directory is a file (${how})`, (t) => {
      const directory = join(newDirectory(t), "state");
      writeFileSync(directory, "");

      const open = () => openJournal(directory, { readOnly });

      assert.throws(open, unusable(directory, /cannot be opened/));
    });

    test(`is a directory (${how})`, (t) => {
      const directory = newDirectory(t);

      const openDirectory = () => (readOnly ? openForReading : openForWriting)(directory);

      assert.throws(openDirectory, unusable(directory, /cannot be/));
    });
  }

  test("is one whose pages were overwritten, and it says so when they are read", (t) => {
    const { directory, file } = usedJournal(t);
    const descriptor = openSync(file, "r+");
    for (let page = 1; page * 4096 < statSync(file).size; page += 1) {
      writeSync(descriptor, Buffer.alloc(4096, 0xaa), 0, 4096, page * 4096);
    }

    const use = () => {
      using journal = openJournal(directory);
      journal.startRun("documents", "command");
    };

    assert.throws(use, unusable(file, /damaged/));
  });

  for (const [column, value] of [
    ["details", "{ no json"],
    ["details", "{}"],
    ["started", "yesterday"],
    ['"trigger"', "whim"],
    ["finished", "never"],
  ] as const) {
    test(`is one that holds ${column} = ${value}`, (t) => {
      const { directory, file } = usedJournal(t);
      using vandal = new DatabaseSync(file);
      vandal.prepare(`UPDATE runs SET ${column} = ?`).run(value);
      using journal = openJournal(directory, { readOnly: true });

      const read = () => journal.runs({ limit: 1 });

      assert.throws(read, unusable(file, /damaged/));
    });
  }

  for (const owner of ["", "{}", '{"host":"here"}']) {
    test(`is one in which a run belongs to "${owner}"`, (t) => {
      const { directory, file } = usedJournal(t);
      using journal = openJournal(directory);
      const { id } = journal.startRun("documents", "command");
      using vandal = new DatabaseSync(file);
      vandal.prepare("UPDATE runs SET owner = ? WHERE id = ?").run(owner, id);

      assert.throws(() => journal.deadRuns(), unusable(file, /damaged/));
    });
  }

  test("is one whose events are not what was written", (t) => {
    const { directory, file } = usedJournal(t);
    using vandal = new DatabaseSync(file);
    vandal.exec("UPDATE events SET data = '3'");
    using journal = openJournal(directory, { readOnly: true });
    const [run] = journal.runs({ limit: 1 });

    assert.throws(() => journal.events(run?.id ?? ""), unusable(file, /damaged/));
  });
});

function versionOf(file: string): unknown {
  using connection = new DatabaseSync(file, { readOnly: true });
  return connection.prepare("PRAGMA user_version").get()?.["user_version"];
}

suite("bringing a file up to date", () => {
  const newer = [...migrations, "ALTER TABLE marks ADD COLUMN note TEXT"];

  test("takes the steps that are missing, and keeps what is there", (t) => {
    const { file } = usedJournal(t);

    using database = openForWriting(file, newer);

    assert.equal(database.get("SELECT count(*) AS runs FROM runs")?.["runs"], 1);
    assert.deepEqual(database.all("SELECT note FROM marks"), []);
    assert.equal(versionOf(file), newer.length);
  });

  test("is done for a reader as well", (t) => {
    const { file } = usedJournal(t);

    using database = openForReading(file, newer);

    assert.deepEqual(database.all("SELECT note FROM marks"), []);
    assert.throws(() => database.run("DELETE FROM marks"), /reading only/);
  });

  test("is all or nothing", (t) => {
    const { file } = usedJournal(t);
    const broken = [...newer, "CREATE TABLE half (x); SELECT * FROM nowhere"];

    assert.throws(() => openForWriting(file, broken), /nowhere/);

    assert.equal(versionOf(file), migrations.length);
    openForWriting(file)[Symbol.dispose]();
  });

  test("starts from a file that was created and not yet filled", (t) => {
    const file = join(newDirectory(t), "journal.sqlite");
    writeFileSync(file, "");

    const beforehand = openForReading(file);
    const found = beforehand.all("SELECT * FROM runs");
    openForWriting(file)[Symbol.dispose]();

    assert.deepEqual(found, []);
    assert.equal(versionOf(file), migrations.length);
  });
});

test("a file that others could read is taken from them", (t) => {
  const { directory, file } = usedJournal(t);
  chmodSync(file, 0o644);

  openJournal(directory)[Symbol.dispose]();

  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("bytes after the end of the file do no harm", (t) => {
  const { directory, file } = usedJournal(t);
  appendFileSync(file, Buffer.alloc(4096));

  using journal = openJournal(directory);

  assert.equal(journal.runs({ limit: 100 }).length, 1);
});

test("a mistake in the program is not blamed on the file", (t) => {
  const file = join(newDirectory(t), "journal.sqlite");
  using database = openForWriting(file);

  const mistake = () => database.atomically(() => database.run("DELETE FROM nowhere"));

  assert.throws(mistake, (error) => error instanceof Error && !(error instanceof HoldfastError));
});
