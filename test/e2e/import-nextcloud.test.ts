// People who move in from the Nextcloud backup script and from nextcloud-s3-backup: archives and trees that those made by
// their documented commands are gone on with, restored, and fetched no second time.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { databaseTools, newCloudDatabase } from "../support/cloud-database.ts";
import { MovingUser } from "../support/import-user.ts";
import { newNextcloud, type TestNextcloud } from "../support/nextcloud.ts";
import {
  clientOf,
  loadNextcloudInS3,
  type NextcloudInS3,
  nextcloudInS3Tools,
} from "../support/nextcloud-in-s3.ts";
import { startS3Proxy } from "../support/s3-proxy.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);

const day = 24 * 3_600_000;

/** The hour of a moment so many days ago, as the script wrote it. */
function hourOf(days: number): string {
  const moment = new Date(Date.now() - days * day).toISOString();
  return `${moment.slice(0, 10)}-${moment.slice(11, 13)}`;
}

const passphrase = "canary of the archives";

/** Somebody with a Nextcloud, and what the script made of it. */
class ScriptUser implements AsyncDisposable {
  readonly user: MovingUser;
  readonly nextcloud: TestNextcloud;
  readonly #stack: AsyncDisposableStack;
  readonly #dump: () => Promise<string>;

  private constructor(
    of: Pick<ScriptUser, "user" | "nextcloud">,
    kept: { readonly stack: AsyncDisposableStack; readonly dump: () => Promise<string> },
  ) {
    this.user = of.user;
    this.nextcloud = of.nextcloud;
    this.#stack = kept.stack;
    this.#dump = kept.dump;
  }

  static async make(): Promise<ScriptUser> {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await MovingUser.make());
    const database = stack.use(await newCloudDatabase("mariadb"));
    const { settings } = database;
    assert.ok(settings?.kind === "mariadb");
    await mkdir(user.at("nc"));
    const nextcloud = stack.use(await newNextcloud({ at: user.at("nc"), database: settings }));
    await database.query("CREATE TABLE oc_notes (id INT PRIMARY KEY, text TEXT)");
    const { host = "", port = 0, user: name = "", password } = settings;
    const secret = password?.reveal() ?? "";
    const words = ["--single-transaction", `--host=${host}`, `--port=${port}`, `--user=${name}`];
    const dump = async (): Promise<string> => {
      const options = { env: { ...process.env, MYSQL_PWD: secret } };
      return (await execute("mariadb-dump", ["--no-defaults", ...words, settings.name], options))
        .stdout;
    };
    await user.write(
      "config.toml",
      `[general]
maintance_cmd = "${nextcloud.occ.join(" ")} maintenance:mode"
log_dir = "/var/log"
source_dir = "${nextcloud.data}/"
tmp_dir = "${user.at("tmp")}"
target_dir = "${user.at("cloud_backup")}"
num_full_backups = 2
num_differential_backups = 5
days_between_backups = 7
days_between_diff_backups = 1
extra_paths = ["${nextcloud.config}", "${nextcloud.customApps}"]
[database]
username = "${name}"
password = "${secret}"
db_name = "${settings.name}"
[encryption]
enable = true
password = "${passphrase}"
[remote]
[notifier]
discord-webhook = ""
`,
    );
    for (const folder of ["tmp", "tmp/extra", "cloud_backup"]) await mkdir(user.at(folder));
    return new ScriptUser({ user, nextcloud }, { stack: stack.move(), dump });
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.nextcloud.data, "alice/files", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  /** A full archive of the first letter, which the second has replaced since. */
  async archiveFirst(): Promise<void> {
    await this.write("large", randomBytes(3_000_000));
    await this.write("letter", "first");
    await this.script("full", hourOf(2));
    await this.write("letter", "second");
  }

  /** What the script did, command by command. */
  async script(kind: "full" | "differential", hour: string): Promise<void> {
    const { user, nextcloud } = this;
    const [tmp, target] = [user.at("tmp"), user.at("cloud_backup")];
    await writeFile(join(tmp, "database_backup.bak"), await this.#dump());
    await execute("rsync", ["-av", "--delete", nextcloud.data, tmp]);
    for (const extra of [nextcloud.config, nextcloud.customApps]) {
      await execute("rsync", ["-av", "--delete", extra, join(tmp, "extra")]);
    }
    // To stage what people have takes longer. What changed within two seconds is archived again, to be safe.
    await delay(3100);
    const archive = join(target, `${hour}-${kind}.tar.gz`);
    const full = (await readdir(target))
      .filter((name) => name.endsWith(".snar"))
      .toSorted()
      .at(-1);
    const state =
      kind === "full" ? join(target, `${hour}-full.snar`) : join(target, `${full}.copy`);
    if (kind === "differential") await execute("cp", [join(target, full ?? ""), state]);
    const compressor = '--use-compress-program="/usr/bin/pigz"';
    await execute("tar", [
      "-C",
      tmp,
      compressor,
      "-cf",
      archive,
      "--listed-incremental",
      state,
      ".",
    ]);
    if (kind === "differential") await unlink(state);
    const cipher = ["--batch", "--yes", "--cipher-algo", "AES256", "--passphrase", passphrase];
    const home = await mkdtempFor(user);
    await execute("gpg", ["--homedir", home, ...cipher, "-o", `${archive}.gpg`, "-c", archive]);
    await execute("gpgconf", ["--homedir", home, "--kill", "all"]);
    await unlink(archive);
  }

  /** As the guide says, into a folder. */
  async extract(name: string): Promise<void> {
    const { user } = this;
    const words = ["--batch", "--quiet", "--passphrase", passphrase, "-d"];
    const line =
      'gpg --homedir "$1" "${@:4}" "$2" | tar -xz --listed-incremental=/dev/null -C "$3"';
    const home = await mkdtempFor(user);
    const archive = user.at("cloud_backup", `${name}.tar.gz.gpg`);
    const args = [home, archive, user.at("by hand"), ...words];
    await execute("bash", ["-o", "pipefail", "-c", line, "bash", ...args]);
    await execute("gpgconf", ["--homedir", home, "--kill", "all"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function mkdtempFor(user: MovingUser): Promise<string> {
  const home = user.at("gnupg");
  await mkdir(home, { recursive: true, mode: 0o700 });
  return home;
}

/** The commands that a guide tells people to type who go back. */
async function backAgain(guide: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, `../../docs/guides/${guide}.md`), "utf8");
  const [, commands] = /```sh\n(.*?)```/s.exec(text.split("\n## Back again\n")[1] ?? "") ?? [];
  assert.ok(commands !== undefined);
  return commands;
}

/** The files of a folder, by their paths, with their contents. */
async function contents(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Map(
    await Promise.all(
      files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), await readFile(path, "latin1")] as const;
      }),
    ),
  );
}

const scriptTools = [...databaseTools.mariadb, "rsync", "tar", "pigz", "gpg", "gpgconf", "flock"];

suite("from the Nextcloud backup script", { skip: withoutTools(...scriptTools) }, () => {
  test("the next differential archive is based on its full one, and all comes back", async () => {
    await using place = await ScriptUser.make();
    const { user, nextcloud } = place;
    await place.archiveFirst();
    await place.script("differential", hourOf(1));
    const theirs = (await readdir(user.at("cloud_backup"))).toSorted();
    await place.write("letter", "third");
    await place.write("new", "new");

    const check = await user.check("config.toml");
    await user.moveIn("config.toml");
    await user.planned();
    const files = await contents(nextcloud.data);
    const [run] = await user.run();

    assert.deepEqual(
      check.map(({ state, snapshots, newest }) => [state, snapshots, newest?.id]),
      [["continued", 2, `${hourOf(1)}-differential`]],
    );
    assert.equal(run?.outcome, "success", run?.reason);
    const [made, ...others] = await user.snapshots("nextcloud");
    assert.deepEqual([made?.kind, made?.base], ["differential", `${hourOf(2)}-full`]);
    assert.equal(others.length, 2);
    // What had not changed is in the full archive alone.
    assert.ok((run?.evidence?.added ?? Infinity) < 1_000_000, String(run?.evidence?.added));
    const now = (await readdir(user.at("cloud_backup"))).toSorted();
    assert.deepEqual(
      theirs.filter((name) => !now.includes(name)),
      [],
    );
    await user.expect(0, "restore", "nextcloud", "--target", user.at("restored"));
    assert.deepEqual(await contents(user.at("restored/data")), files);
    assert.ok((await readdir(user.at("restored"))).includes("database_backup.bak"));
    await user.expect(
      0,
      "restore",
      `nextcloud@${hourOf(1)}-differential`,
      "--target",
      user.at("older"),
    );
    assert.equal(await readFile(user.at("older/data/alice/files/letter"), "utf8"), "second");
    await user.run();
    const ids = (await user.snapshots("nextcloud")).map(({ id }) => id);
    assert.equal(ids.length, 4);
    assert.ok([made, ...others].every((each) => ids.includes(each?.id ?? "")));
    assert.equal(nextcloud.isInMaintenance(), false);
    assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
  });

  test("back again, the script goes on, and each archive comes back by hand", async () => {
    await using place = await ScriptUser.make();
    const { user, nextcloud } = place;
    await place.archiveFirst();
    await user.moveIn("config.toml");
    const files = await contents(nextcloud.data);
    await user.run();
    const [made] = await user.snapshots("nextcloud");

    const commands = (await backAgain("from-nextcloud-backup-script"))
      .replaceAll("TMP_DIR", user.at("tmp"))
      .replaceAll("TARGET_DIR", user.at("cloud_backup"));
    await execute("sh", ["-eu", "-c", commands]);
    const renamed = made?.id.replace(/^(.{13})-\d\d-\d\d-/, "$1-") ?? "";
    const names = await readdir(user.at("cloud_backup"));
    // The script's purge reads the date of all that is called so.
    const theirs = /^\d{4}-\d\d-\d\d-\d\d-differential\./;
    assert.deepEqual(
      names.filter((name) => name.includes("diff") && !theirs.test(name)),
      [],
    );
    await place.write("letter", "fourth");
    const last = hourOf(-1);
    await place.script("differential", last);

    assert.deepEqual((await readdir(user.at("tmp"))).toSorted(), [
      "data",
      "database_backup.bak",
      "extra",
    ]);
    const archive = user.at("cloud_backup", `${last}-differential.tar.gz.gpg`);
    assert.ok((await stat(archive)).size < 1_000_000);
    await mkdir(user.at("by hand"));
    for (const name of [`${hourOf(2)}-full`, `${last}-differential`]) await place.extract(name);
    assert.deepEqual(await contents(user.at("by hand/data")), await contents(nextcloud.data));
    // What Holdfast made comes back without either of the tools as well.
    await rm(user.at("by hand"), { recursive: true });
    await mkdir(user.at("by hand"));
    for (const name of [`${hourOf(2)}-full`, renamed]) await place.extract(name);
    assert.deepEqual(await contents(user.at("by hand/data")), files);
    const [again] = await user.run();
    assert.equal(again?.outcome, "success", again?.reason);
    const ids = (await user.snapshots("nextcloud")).map(({ id }) => id);
    assert.equal(ids.length, 4);
    assert.ok(ids.includes(renamed) && ids.includes(`${last}-differential`), ids.join());
  });
});

/** A row of oc_filecache with its content. */
interface StoredFile {
  readonly path: string;
  readonly checksum: string;
  readonly etag: string;
  readonly bytes: Buffer;
}

/** A tree as nextcloud-s3-backup left it: content by SHA-1, by ETag where there was none, and hard links. */
async function layTree(root: string, name: string, files: readonly StoredFile[]): Promise<void> {
  for (const { path, checksum, etag, bytes } of files) {
    const target = join(root, "snapshots", name, path);
    await mkdir(dirname(target), { recursive: true });
    if (bytes.length === 0) {
      await writeFile(target, "");
      continue;
    }
    const sha1 = createHash("sha1").update(bytes).digest("hex");
    const content = join(root, ".data/sha1", sha1.slice(0, 2), sha1.slice(2));
    await mkdir(dirname(content), { recursive: true });
    if ((await stat(content).catch(() => undefined)) === undefined) await writeFile(content, bytes);
    if (!/^sha1:/i.test(checksum)) {
      const byEtag = join(root, ".data/etag", etag.slice(0, 2), etag.slice(2));
      await mkdir(dirname(byEtag), { recursive: true });
      await link(content, byEtag).catch(() => undefined);
    }
    await link(content, target);
  }
}

/** What the tool would have to fetch for a tree, by its own rules: what it finds neither by SHA-1 nor by ETag. */
async function lacking(root: string, files: readonly StoredFile[]): Promise<readonly string[]> {
  const lacks: string[] = [];
  for (const { path, checksum, etag, bytes } of files) {
    if (bytes.length === 0) continue;
    const sha1 = /^sha1:(\S+)/i.exec(checksum)?.[1]?.toLowerCase();
    const [kind, name] = sha1 === undefined ? ["etag", etag] : ["sha1", sha1];
    const content = join(root, ".data", kind ?? "", name?.slice(0, 2) ?? "", name?.slice(2) ?? "");
    const found = await readFile(content).catch(() => undefined);
    if (found === undefined) lacks.push(path);
    else assert.ok(found.equals(bytes), path);
  }
  return lacks;
}

/** What the tool's purge would remove: content of which no snapshot has the inode. */
async function purgeable(root: string): Promise<readonly string[]> {
  const inodes = async (folder: string): Promise<ReadonlyMap<string, number>> => {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const found = files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, (await stat(path)).ino] as const;
    });
    return new Map(await Promise.all(found));
  };
  const held = new Set((await inodes("snapshots")).values());
  const stored = [...(await inodes(".data/sha1")), ...(await inodes(".data/etag"))];
  return stored.filter(([, inode]) => !held.has(inode)).map(([path]) => path);
}

/** The files of one user that the tool could fetch. */
async function filesOf(
  nextcloud: NextcloudInS3,
  user: string,
  client: ReturnType<typeof clientOf>,
): Promise<{ readonly storage: number; readonly files: readonly StoredFile[] }> {
  const storage = Number(
    (
      await nextcloud.query(`SELECT numeric_id FROM oc_storages WHERE id = 'object::user:${user}'`)
    ).trim(),
  );
  const json = await nextcloud.query(
    `SELECT json_agg(json_build_array(fileid, path, coalesce(checksum, '')))
     FROM oc_filecache WHERE storage = ${storage} AND path LIKE 'files/Documents/%'
     AND mimetype <> (SELECT id FROM oc_mimetypes WHERE mimetype = 'httpd/unix-directory')`,
  );
  const rows: unknown = JSON.parse(json);
  assert.ok(Array.isArray(rows));
  const files = await Promise.all(
    rows.map(async (row): Promise<StoredFile> => {
      const [fileid, path, checksum] = row;
      const Key = `urn:oid:${fileid}`;
      const { Body, ETag = "" } = await client.send(
        new GetObjectCommand({ Bucket: nextcloud.bucket, Key }),
      );
      const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
      const etag = ETag.replaceAll('"', "");
      return { path: `${user}/${path}`, checksum: String(checksum), etag, bytes };
    }),
  );
  return { storage, files };
}

suite("from nextcloud-s3-backup", { skip: withoutTools(...nextcloudInS3Tools) }, () => {
  let s3: S3Server;
  let nextcloud: NextcloudInS3;

  before(async () => {
    s3 = await startS3Server();
    nextcloud = await loadNextcloudInS3("s3-postgresql", s3);
  });

  after(async () => {
    for (const each of [nextcloud, s3]) await each?.[Symbol.asyncDispose]();
  });

  test("what is in the store is fetched no second time, and every tree stays", async () => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.use(await startS3Proxy({ target: s3.address }));
    const user = stack.use(await MovingUser.make());
    const client = clientOf(s3);
    stack.defer(() => client.destroy());
    const root = user.at("tree");
    const { storage, files } = await filesOf(nextcloud, "alice", client);
    assert.ok(files.length > 0, "the fixture has no such files");
    await layTree(root, "2026-11-01", files);
    const { database } = nextcloud;
    assert.ok(database.kind === "postgresql");
    const { host, port, name, user: owner, password } = database;
    await user.write(
      "config.yaml",
      JSON.stringify({
        backup_date_format: "%Y-%m-%d",
        excluded_mimetype_ids: [],
        mapping: [
          {
            storage_id: storage,
            user_name: "alice",
            bucket: `s3://${nextcloud.bucket}/`,
            nextcloud_path: "files/Documents/",
            backup_root_path: root,
          },
        ],
      }),
    );
    const settings = [
      ["--s3-endpoint-url", proxy.address],
      ["--s3-region-name", "us-east-1"],
      ["--s3-access-key", s3.accessKey],
      ["--s3-secret-key", s3.secretKey],
      ["--pg-dsn", `postgresql://${owner}:${password?.reveal()}@${host}:${port}/${name}`],
    ].flat();

    const check = await user.check("config.yaml", ...settings);
    await user.moveIn("config.yaml", ...settings);
    await user.planned();
    proxy.forget();
    const [run] = await user.run();

    assert.deepEqual(
      check.map(({ state, newest }) => [state, newest?.id]),
      [["continued", "2026-11-01"]],
    );
    assert.equal(run?.outcome, "success", run?.reason);
    assert.equal(proxy.count("get"), 0);
    const [made = ""] = (await readdir(join(root, "snapshots"))).filter(
      (each) => each > "2026-11-01",
    );
    assert.deepEqual(
      await contents(join(root, "snapshots", made)),
      await contents(join(root, "snapshots/2026-11-01")),
    );
    const [full] = files.filter(({ bytes }) => bytes.length > 0);
    const links = ["2026-11-01", made].map((each) =>
      join(root, "snapshots", each, full?.path ?? ""),
    );
    const [first, second] = await Promise.all(links.map(async (path) => (await stat(path)).ino));
    assert.equal(first, second);
    await user.expect(
      0,
      "restore",
      basename(`cloud-${basename(root)}`),
      "--target",
      user.at("restored"),
    );
    assert.deepEqual(
      await contents(user.at("restored")),
      await contents(join(root, "snapshots", made)),
    );
    await user.run();
    assert.ok((await readdir(join(root, "snapshots"))).includes("2026-11-01"));
    await rm(user.at("restored"), { recursive: true });
  });

  test("back again, the tool finds all that Holdfast has fetched, and purges nothing of it", async () => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.use(await startS3Proxy({ target: s3.address }));
    const user = stack.use(await MovingUser.make());
    const client = clientOf(s3);
    stack.defer(() => client.destroy());
    const root = user.at("tree");
    const { files } = await filesOf(nextcloud, "alice", client);
    await user.configure({
      repositories: { tree: { engine: "objects", at: root, "name-format": "%Y-%m-%d" } },
      jobs: {
        cloud: {
          sources: [
            {
              "nextcloud-objects": {
                config: await nextcloud.config(proxy.address),
                trees: [{ user: "alice", path: "files/Documents" }],
              },
            },
          ],
          repository: "tree",
        },
      },
    });
    await user.expect(0, "init");
    await user.run();

    assert.deepEqual(await lacking(root, files), []);
    assert.deepEqual(await purgeable(root), []);
    // A snapshot that the tool makes, from the store alone; what the guide says may go is gone.
    for (const name of ["manifests", "downloading", "running.json"]) {
      await rm(join(root, ".data", name), { recursive: true, force: true });
    }
    await layTree(root, "2026-11-30", files);
    proxy.forget();
    const [run] = await user.run();
    assert.equal(run?.outcome, "success", run?.reason);
    assert.equal(proxy.count("get"), 0);
    assert.deepEqual(
      (await user.snapshots("tree")).map(({ id }) => id).includes("2026-11-30"),
      true,
    );
    await user.expect(0, "check", "--read-data");
  });
});
