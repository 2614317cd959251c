// Databases that are put back in place, or into another one to practise.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { newUser, type User } from "../support/holdfast.ts";
import { Reinstated } from "../support/json-shapes.ts";
import { mariadbTools, startMariadb } from "../support/mariadb-server.ts";
import { postgresqlTools, startPostgresql } from "../support/postgresql-server.ts";
import { withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);
const password = "a-canary-password";

/** A user with one database and a job for it. */
interface Owner extends AsyncDisposable {
  readonly user: User;
  /** Of the database of the job, or of another one on the same server. */
  readonly query: (statements: string, database?: string) => Promise<string>;
  /** What `--database` names. */
  readonly drill: string;
}

const kinds = {
  mariadb: { tools: mariadbTools, make: async () => await onServer("mariadb") },
  postgresql: { tools: postgresqlTools, make: async () => await onServer("postgresql") },
  sqlite: { tools: ["sqlite3"], make: inFile },
} as const;

async function configured(user: User, source: object): Promise<void> {
  await user.write("password", password);
  await user.configure({
    state: user.at("state"),
    repositories: { disk: { engine: "tar", at: user.at("repository"), compress: "none" } },
    jobs: { shop: { sources: [source], repository: "disk" } },
  });
}

async function onServer(kind: "mariadb" | "postgresql"): Promise<Owner> {
  await using stack = new AsyncDisposableStack();
  const user = stack.use(await newUser());
  const server = stack.use(kind === "mariadb" ? await startMariadb() : await startPostgresql());
  await server.createDatabase("shop", "owner", password);
  const { host, port } = server;
  if (kind === "mariadb") await server.query("GRANT ALL ON *.* TO 'owner'@'%'");
  else await server.query("ALTER ROLE owner CREATEDB");
  const as = kind === "postgresql" ? "SET ROLE owner; " : "";
  const described = { name: "shop", user: "owner", host, port };
  const secret = { password: { file: user.at("password") } };
  await configured(user, { [kind]: { ...described, ...secret, staging: user.at("staging") } });
  const held = stack.move();
  return {
    user,
    query: async (statements, database = "shop") =>
      await server.query(`${as}${statements}`, database),
    drill: "drill",
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

async function inFile(): Promise<Owner> {
  const user = await newUser();
  await configured(user, { sqlite: { file: user.at("shop.db"), staging: user.at("staging") } });
  return {
    user,
    query: async (statements, database = user.at("shop.db")) =>
      (await execute("sqlite3", [database, statements])).stdout,
    drill: user.at("drill.db"),
    [Symbol.asyncDispose]: async () => await user[Symbol.asyncDispose](),
  };
}

async function succeed(user: User, ...words: readonly string[]): Promise<string> {
  const { exitStatus, stdout, stderr } = await user.holdfast(...words);
  assert.equal(exitStatus, 0, `${words.join(" ")}: ${stdout}${stderr}`);
  assert.ok(!`${stdout}${stderr}`.includes(password));
  return stdout;
}

const rows = "SELECT * FROM goods ORDER BY id";

/** Backs it up and changes it afterwards. */
async function changed({ user, query }: Owner): Promise<string> {
  await query("CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(100))");
  await query("INSERT INTO goods VALUES (1, 'tea 🍵'), (2, 'it''s \\n\"quoted\"')");
  await succeed(user, "init");
  await succeed(user, "run");
  const before = await query(rows);
  await query("DELETE FROM goods WHERE id = 1");
  await query("INSERT INTO goods VALUES (3, 'new')");
  await query("CREATE TABLE later (id INT)");
  return before;
}

for (const [kind, { tools, make }] of Object.entries(kinds)) {
  suite(`a database of ${kind}`, { skip: withoutTools(...tools) }, () => {
    test("is put back in place, and dumped before", async () => {
      await using owner = await make();
      const { user, query } = owner;
      const before = await changed(owner);
      const words = ["restore", "shop", "--in-place"];
      const unasked = await user.holdfast(...words);
      await succeed(user, ...words, "--dry-run");
      assert.notEqual(await query(rows), before);

      const said = await succeed(user, ...words, "--yes", "--json");

      assert.equal(unasked.exitStatus, 2);
      assert.equal(await query(rows), before);
      await assert.rejects(query("SELECT * FROM later"));
      const { aside = "" } = Reinstated.parse(JSON.parse(said));
      const [name = "", ...others] = await readdir(aside);
      assert.deepEqual(others, []);
      assert.match(await readFile(join(aside, name), "latin1"), /later/);
      const left = await readdir(user.at("staging"));
      assert.ok(
        left.every((each) => each.includes(".before-")),
        left.join(),
      );
      assert.match((await user.holdfast("recover")).stderr, /nothing to recover/);
    });

    test("is tried out in another one, and never in one that holds something", async () => {
      await using owner = await make();
      const { user, query, drill } = owner;
      const before = await changed(owner);
      const after = await query(rows);
      const words = ["restore", "shop", "--database", drill, "--target"];

      await succeed(user, ...words, user.at("one"));
      const again = await user.holdfast(...words, user.at("two"));
      const real = kind === "sqlite" ? user.at("shop.db") : "shop";
      const [verb, ...rest] = words.with(3, real);
      const itself = await user.holdfast(String(verb), ...rest, user.at("three"));

      assert.equal(await query(rows, drill), before);
      assert.equal(await query(rows), after);
      for (const refused of [again, itself]) {
        assert.equal(refused.exitStatus, 2, refused.stderr);
        assert.match(refused.stderr, /is there, and not empty/);
      }
    });

    test("is as it was when the dump turns out to be broken", async () => {
      await using owner = await make();
      const { user, query } = owner;
      await changed(owner);
      const after = await query(rows);
      await damage(user);

      const { exitStatus, stderr } = await user.holdfast("restore", "shop", "--in-place", "--yes");

      assert.equal(exitStatus, 1, stderr);
      assert.match(stderr, /what was there is in place again/);
      assert.equal(await query(rows), after);
      assert.deepEqual(await readdir(user.at("staging")), []);
    });
  });
}

/** Makes the dump in the one archive something that no tool of a database takes. */
async function damage(user: User): Promise<void> {
  const names = await readdir(user.at("repository"), { recursive: true });
  const name = names.find((each) => each.endsWith(".tar"));
  assert.ok(name !== undefined, names.join(", "));
  const file = user.at("repository", name);
  const bytes = await readFile(file);
  const marker = ["Dump completed", "database dump complete", "SQLite format 3"]
    .map((text) => bytes.indexOf(text))
    .find((index) => index !== -1);
  assert.ok(marker !== undefined);
  bytes.fill("-", marker, marker + 14);
  await writeFile(file, bytes);
}
