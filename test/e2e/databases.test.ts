import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { DatabaseSettings } from "../../src/databases/database.ts";
import { finishedRun } from "../support/backup-user.ts";
import { type Kind, printed, type Subject } from "../support/database-contract.ts";
import { mariadbKind, postgresqlKind, sqliteKind } from "../support/database-subjects.ts";
import { sourceOf, succeeded } from "../support/database-user.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

async function restoredDump(folder: string): Promise<string> {
  const dumps = (await filesBelow(folder)).filter((path) => /\.(sql|db)(\.gz|\.zst)?$/.test(path));
  assert.equal(dumps.length, 1, dumps.join(", "));
  return dumps[0] ?? "";
}

/** What a person types to read a dump into another database of the server, which is empty. */
async function importByHand({ settings, other }: Subject, dump: string): Promise<void> {
  const unpack = dump.endsWith(".zst") ? "zstd -dc" : dump.endsWith(".gz") ? "gzip -dc" : "cat";
  const script = `${unpack} -- "$1" | { shift; "$@"; }`;
  await printed("sh", ["-c", script, "sh", dump, ...clientOf(settings, other.name)]);
}

function clientOf(settings: DatabaseSettings, into: string): readonly string[] {
  if (settings.kind === "sqlite") return ["sh", "-c", 'cat >"$1"', "sh", into];
  const { host = "", port = 0, user = "", password } = settings;
  const secret = password?.reveal() ?? "";
  return settings.kind === "mariadb"
    ? ["env", `MYSQL_PWD=${secret}`, "mariadb", `-h${host}`, `-P${port}`, `-u${user}`, `-D${into}`]
    : [
        "env",
        `PGPASSWORD=${secret}`,
        "psql",
        "-q",
        "-h",
        host,
        "-p",
        `${port}`,
        "-U",
        user,
        "-d",
        into,
      ];
}

const restic = ["restic", "none"] as const;
const rsync = ["rsync", "zstd"] as const;
const tar = ["tar", "gzip"] as const;

function backsUp(
  kind: Kind,
  engines: readonly (typeof restic | typeof rsync | typeof tar)[],
): void {
  suite(
    `a job that backs up ${kind.name}`,
    { skip: kind.skip || withoutTools("restic", "rsync", "tar") },
    () => {
      const stack = new AsyncDisposableStack();
      let subject: Subject;
      before(async () => {
        subject = stack.use(await kind.start());
      });
      after(async () => await stack.disposeAsync());

      for (const [engine, compress] of engines) {
        test(`into ${engine} (${compress}) brings it back, by hand and in place`, async () => {
          await using user = await newUser();
          const source = await sourceOf(user, subject.settings, { compress });
          const password = { file: await user.write("restic.password", "an ordinary password\n") };
          const at = user.at("repository");
          await user.configure({
            state: user.at("state"),
            repositories: { disk: { engine, at, ...(engine === "restic" ? { password } : {}) } },
            jobs: { shop: { sources: [source], repository: "disk" } },
          });
          const original = await subject.content();
          succeeded(await user.holdfast("init"));

          const finished = finishedRun(succeeded(await user.holdfast("run", "--json")));
          await subject.query("DELETE FROM numbers WHERE id > 10; UPDATE texts SET t = 'later'");
          const changed = await subject.content();
          succeeded(await user.holdfast("restore", "shop", "--target", user.at("restored")));
          const dump = await restoredDump(user.at("restored"));
          await subject.makeOther();
          await importByHand(subject, dump);
          const imported = await subject.content(true);
          succeeded(await user.holdfast("restore", "shop", "--in-place", "--yes"));

          assert.equal(finished["outcome"], "success");
          assert.ok((await stat(dump)).size > 1000);
          assert.notEqual(changed, original);
          assert.equal(imported, original);
          assert.equal(await subject.content(), original);
          await stagingIsGone(user, subject.settings);
        });
      }
    },
  );
}

async function stagingIsGone(user: User, settings: DatabaseSettings): Promise<void> {
  const folder = settings.kind === "sqlite" ? join(settings.file, "..") : user.at("staging");
  const left = (await readdir(folder)).filter((name) => !name.includes(".before-"));
  assert.deepEqual(
    left.filter((name) => name.includes("holdfast") || name.endsWith(".lock")),
    [],
  );
}

backsUp(mariadbKind, [restic, tar]);
backsUp(postgresqlKind, [rsync]);
backsUp(sqliteKind, [tar]);
