// Knows: what the program takes for granted of any database. Must not know: how any of them does it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import type { Database, DatabaseAccess, Row } from "../../src/databases/database.ts";
import { openDatabase } from "../../src/databases/index.ts";
import { localHost } from "../../src/hosts/local.ts";

const execute = promisify(execFile);

/** A real database of a test, with two tables: `texts (id, t)` and `numbers (id, n)`. */
export interface Subject extends AsyncDisposable {
  readonly settings: Parameters<typeof openDatabase>[0];
  /** Another database of the same server that does not exist. */
  readonly other: { readonly name: string; readonly settings: Parameters<typeof openDatabase>[0] };
  /** Makes the other database, empty. */
  makeOther(): Promise<void>;
  /** Takes from its user the right to read one table. */
  allowLess?(): Promise<void>;
  /** Runs statements as its administrator, in the database itself or in the other one. */
  query(statements: string, other?: boolean): Promise<string>;
  /** How many rows `numbers` has, there or in another database of the server. */
  count(database?: string): Promise<string>;
  /** All that is in it, as text that is the same for the same content only. */
  content(other?: boolean): Promise<string>;
}

/** One kind of database. */
export interface Kind {
  readonly name: string;
  readonly skip: string | false;
  start(): Promise<Subject>;
}

/** Texts that get lost easily. */
export const oddTexts: readonly (string | null)[] = [
  null,
  "NULL",
  "",
  " ",
  String.raw`\N`,
  "tab\tnewline\nreturn\rbackslash\\n",
  `'single' "double" \`back\``,
  "😀 naïve Zoë ‮",
  '<field name="x">&amp;</field>\n  </row>\n;\n\\;',
  "X'00',unistr('a')",
  "--\n-- Dump completed on 1\n",
];

/** A folder of its own for a test. */
export async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-database-"));
  t.after(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

/** All rows of several queries, by query. */
export async function rowsOf(
  database: Database,
  queries: readonly string[],
  signal: AbortSignal,
): Promise<readonly (readonly Row[])[]> {
  const found: Row[][] = queries.map(() => []);
  for await (const { query, rows } of database.rows(queries, signal)) found[query]?.push(...rows);
  return found;
}

/** Dumps to the end. */
export async function dumpTo(
  database: Database,
  request: Parameters<Database["dump"]>[0],
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly notes: readonly string[] }> {
  return await database.dump(request, signal).finished;
}

const here: DatabaseAccess = { host: localHost(), through: [] };

/** Everything the rest of the program takes for granted of any database. */
export function databaseContract(kind: Kind): void {
  suite(`a database of ${kind.name}`, { skip: kind.skip }, () => {
    let subject: Subject;
    const started = new AsyncDisposableStack();
    before(async () => {
      subject = started.use(await kind.start());
    });
    after(async () => await started.disposeAsync());
    const open = (): Database => openDatabase(subject.settings, here);

    for (const [compress, ending] of [
      ["none", ""],
      ["gzip", ".gz"],
      ["zstd", ".zst"],
    ] as const) {
      test(`is the same after a dump (${compress}) was restored into another name`, async (t) => {
        const file = join(await folderFor(t), `dump${ending}`);

        const { bytes } = await dumpTo(open(), { file, compress }, t.signal);
        await open().restore({ file, into: subject.other.name }, t.signal);

        assert.equal(await subject.content(true), await subject.content());
        const { mode, size } = await stat(file);
        assert.equal(mode & 0o777, 0o600);
        assert.ok(compress === "none" ? size === bytes : size < bytes);
      });
    }

    test("is as it was when it is restored over what came later", async (t) => {
      const file = join(await folderFor(t), "dump");
      const original = await subject.content();
      await dumpTo(open(), { file, compress: "none" }, t.signal);
      await subject.query(
        "CREATE TABLE later (id int); DELETE FROM numbers; UPDATE texts SET t = 'x'",
      );

      await open().restore({ file }, t.signal);

      assert.equal(await subject.content(), original);
    });

    test("says when the view exists: what is written later is not in the dump", async (t) => {
      const file = join(await folderFor(t), "dump");
      await subject.query(
        "DELETE FROM numbers WHERE id < 0; INSERT INTO numbers VALUES (-1, 'early')",
      );

      const dump = open().dump({ file, compress: "none" }, t.signal);
      await dump.viewTaken;
      await subject.query("INSERT INTO numbers VALUES (-2, 'late')");
      await dump.finished;

      await open().restore({ file, into: subject.other.name }, t.signal);
      const there = await subject.query("SELECT n FROM numbers WHERE id < 0", true);
      assert.equal(there.trim(), "early");
      await subject.query("DELETE FROM numbers WHERE id < 0");
    });

    test("gives rows exactly, from several queries of one view", async (t) => {
      const queries = [
        "SELECT t FROM texts ORDER BY id",
        "SELECT id FROM texts WHERE id < 0",
        "SELECT id, t, id FROM texts ORDER BY id",
      ];

      const [texts = [], none = [], twice = []] = await rowsOf(open(), queries, t.signal);

      assert.deepEqual(
        texts.map(([text]) => text),
        oddTexts,
      );
      assert.deepEqual(none, []);
      assert.deepEqual(
        twice,
        oddTexts.map((text, index) => [String(index), text, String(index)]),
      );
    });

    test("gives no row of queries of which one fails", async (t) => {
      const queries = ["SELECT id FROM texts", "SELECT id FROM missing_table"];

      const asking = rowsOf(open(), queries, t.signal);

      await assert.rejects(asking, { code: "database-unusable", message: /missing_table/ });
    });

    test("says roughly how large a dump may be, and that it can be used", async (t) => {
      const bytes = await open().estimate(t.signal);
      const findings = await open().examine(t.signal);

      assert.ok(bytes > 1000 && bytes < 1_000_000_000, String(bytes));
      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [["database", "ok"]],
      );
    });

    test("that is missing is told so, and leaves no file", async (t) => {
      const folder = await folderFor(t);
      const missing = openDatabase(missingOf(subject.settings), here);

      const dump = missing.dump({ file: join(folder, "dump"), compress: "zstd" }, t.signal);

      await assert.rejects(dump.viewTaken, { code: "database-unusable", hint: /./ });
      await assert.rejects(dump.finished, { code: "database-unusable", hint: /./ });
      assert.deepEqual(await readdir(folder), []);
      const findings = await missing.examine(t.signal);
      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [["database-unusable", "error"]],
      );
    });

    test("is not touched by a dump that was cut short", async (t) => {
      const folder = await folderFor(t);
      const original = await subject.content();
      const whole = join(folder, "dump");
      await dumpTo(open(), { file: whole, compress: "none" }, t.signal);
      await dumpTo(open(), { file: `${whole}.zst`, compress: "zstd" }, t.signal);
      await truncate(whole, (await stat(whole)).size - 20);
      await truncate(`${whole}.zst`, (await stat(`${whole}.zst`)).size - 1);
      await writeFile(join(folder, "empty"), "");

      for (const file of [whole, `${whole}.zst`, join(folder, "empty"), join(folder, "missing")]) {
        await assert.rejects(open().restore({ file }, t.signal), { code: "database-unusable" });
      }

      assert.equal(await subject.content(), original);
    });

    test("does not care what was left of an earlier dump, and says when the disk is full", async (t) => {
      const file = join(await folderFor(t), "dump");
      await writeFile(`${file}.part`, "an older one");

      await dumpTo(open(), { file, compress: "none" }, t.signal);
      const full = open().dump({ file: "/dev/full/dump", compress: "none" }, t.signal);

      await assert.rejects(full.finished, { code: "dump-failed" });
      assert.ok((await readFile(file)).length > 1000);
    });

    test("can be given up at any time", async (t) => {
      const folder = await folderFor(t);
      const giveUp = new AbortController();

      const dump = open().dump({ file: join(folder, "dump"), compress: "zstd" }, giveUp.signal);
      giveUp.abort();

      await assert.rejects(dump.finished, { code: "interrupted" });
      assert.deepEqual(await readdir(folder), []);
    });
  });
}

function missingOf(settings: Subject["settings"]): Subject["settings"] {
  return settings.kind === "sqlite"
    ? { kind: "sqlite", file: `${settings.file}-missing` }
    : { ...settings, name: "missing" };
}

/** Runs a program of a test and returns what it printed. */
export async function printed(program: string, words: readonly string[]): Promise<string> {
  return (await execute(program, [...words], { maxBuffer: 256 * 1024 * 1024 })).stdout;
}
