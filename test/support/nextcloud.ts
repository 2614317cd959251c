// Knows: how a test gets a Nextcloud of its own: data, configuration, database, and a stand-in for occ. Must not know: what is done to it.
//
//   await using nextcloud = await newNextcloud();                         // SQLite, a few files
//   await using nextcloud = await newNextcloud({ data: "fixture" });      // what a real one held (39 MiB)
//   await using nextcloud = await newNextcloud({ database: settings });   // a server that the test has started
//
// `nextcloud.occ` are the words of `occ:` in a configuration, `nextcloud.access(host)` is what our code is
// given. The stand-in keeps its state in config.php, as the real one does, and lists its calls in `calls()`.
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import type { DatabaseSettings } from "../../src/databases/database.ts";
import type { Host } from "../../src/hosts/host.ts";
import { Secret } from "../../src/kernel/secret.ts";
import type { NextcloudAccess } from "../../src/nextcloud/instance.ts";
import { configText, readConfigFolder } from "./nextcloud-config.ts";
import { newOwnedFolder } from "./owned-folder.ts";

const execute = promisify(execFile);

/** What was captured from a real Nextcloud. Its README says what it is. */
export const nextcloudFixtures = resolve(import.meta.dirname, "../fixtures/nextcloud");

export interface NextcloudOptions {
  /** The folder of everything; the test takes it away. Default: a temporary one. */
  readonly at?: string;
  /** Where `data` is, if not in that folder: such as a btrfs subvolume, which may exist and be empty. */
  readonly data?: string;
  /** What is in it. Default: a few files, and their rows. The fixture goes with its own SQLite database. */
  readonly content?: "small" | "fixture" | "none";
  /** Default: SQLite in the data directory. A server's database is used as it is: the test fills it. */
  readonly database?: DatabaseSettings;
  /** How long each occ takes at least. Default: as long as it needs. */
  readonly milliseconds?: number;
  /** Of the code, which is newer than config.php where an upgrade is due. */
  readonly version?: string;
  /** Further keys of config.php, or others than are there. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface TestNextcloud extends AsyncDisposable {
  readonly folder: string;
  /** The folder of config.php. */
  readonly config: string;
  readonly configFile: string;
  readonly data: string;
  readonly customApps: string;
  readonly occ: readonly [string, ...string[]];
  readonly database: DatabaseSettings;
  readonly tablePrefix: string;
  access(host: Host): NextcloudAccess;
  /** The words of every call of occ so far, oldest first. */
  calls(): Promise<readonly (readonly string[])[]>;
  /** What its configuration says, all files merged, as the next request of a user would see it. */
  isInMaintenance(): boolean;
  /** Writes config.php anew, in place, as another change of a setting would. */
  setConfig(changes: Readonly<Record<string, unknown>>): Promise<void>;
  /** Gives config.php and its folder to somebody else. */
  giveConfigTo(uid: number): Promise<void>;
}

/** Makes one. When it is disposed of, its folder is gone, unless the test named it. */
export async function newNextcloud(options: NextcloudOptions = {}): Promise<TestNextcloud> {
  const folder = options.at ?? (await newOwnedFolder("holdfast-nextcloud"));
  const data = options.data ?? join(folder, "data");
  const config = join(folder, "config");
  const customApps = join(folder, "custom_apps");
  await mkdir(join(customApps, "notes"), { recursive: true });
  await mkdir(config, { recursive: true });
  await writeFile(join(customApps, "notes", "info.xml"), "<info><id>notes</id></info>\n");
  const database = options.database ?? { kind: "sqlite", file: join(data, "owncloud.db") };
  await fill(data, options.content ?? "small", database);
  const facts: Record<string, unknown> = {
    ...ordinaryConfig({ data, customApps }),
    ...databaseConfig(database),
    ...options.config,
  };
  const configFile = join(config, "config.php");
  await writeFile(configFile, configText(facts), { mode: 0o640 });
  // Whoever runs occ adds to it.
  await writeFile(join(folder, "occ.log"), "");
  await chmod(join(folder, "occ.log"), 0o666);
  await chmod(folder, 0o755);
  const occ = join(folder, "occ");
  await writeFile(occ, wrapper(folder, options), { mode: 0o755 });
  return {
    folder,
    config,
    configFile,
    data,
    customApps,
    occ: [occ],
    database,
    tablePrefix: "oc_",
    access: (host) => ({ host, occ: [occ], config }),
    calls: async () => await callsIn(join(folder, "occ.log")),
    isInMaintenance: () => readConfigFolder(config).get("maintenance") === true,
    async setConfig(changes) {
      Object.assign(facts, changes);
      await writeFile(configFile, configText(facts));
    },
    async giveConfigTo(uid) {
      await chown(config, uid, uid);
      await chown(configFile, uid, uid);
    },
    async [Symbol.asyncDispose]() {
      if (options.at === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function wrapper(
  folder: string,
  { milliseconds = 0, version = "29.0.6.1" }: NextcloudOptions,
): string {
  const program = fileURLToPath(import.meta.resolve("./nextcloud-occ.ts"));
  return `#!/bin/sh
exec '${process.execPath}' --disable-warning=ExperimentalWarning '${program}' '${folder}' ${version} ${milliseconds} "$@"
`;
}

function ordinaryConfig(paths: {
  readonly data: string;
  readonly customApps: string;
}): Readonly<Record<string, unknown>> {
  return {
    instanceid: "ocfaketest01",
    passwordsalt: "FakePasswordSaltOfATest00000001",
    secret: "FakeSecretOfATestNotARealOne000000000000000001",
    trusted_domains: ["localhost", "cloud.example.org"],
    datadirectory: paths.data,
    version: "29.0.6.1",
    dbtableprefix: "oc_",
    installed: true,
    apps_paths: [{ path: paths.customApps, url: "/custom_apps", writable: true }],
    loglevel: 2,
  };
}

/** The keys of config.php that name this database. */
function databaseConfig(database: DatabaseSettings): Readonly<Record<string, unknown>> {
  if (database.kind === "sqlite") return { dbtype: "sqlite3" };
  const { kind, name, user = "", password, host, port, socket } = database;
  const where = kind === "mariadb" ? (host ?? "localhost") : (host ?? socket ?? "");
  const after = port ?? (kind === "mariadb" ? socket : undefined);
  return {
    dbtype: kind === "mariadb" ? "mysql" : "pgsql",
    dbname: name,
    dbhost: after === undefined ? where : `${where}:${after}`,
    dbport: "",
    dbuser: user,
    dbpassword: password instanceof Secret ? password.reveal() : "",
  };
}

async function fill(
  data: string,
  content: "small" | "fixture" | "none",
  database: DatabaseSettings,
): Promise<void> {
  await mkdir(data, { recursive: true });
  if (content === "none") {
    await writeFile(join(data, ".ocdata"), "# Nextcloud data directory");
    return;
  }
  if (content === "fixture") {
    const archive = join(nextcloudFixtures, "local/data.tar.zst");
    // It holds times in the future, of which tar warns.
    await execute("tar", [
      "--extract",
      "--zstd",
      "--file",
      archive,
      "--directory",
      data,
      "--strip-components=1",
      "--warning=no-timestamp",
    ]);
    if (database.kind !== "sqlite") return;
    const image = await readFile(join(nextcloudFixtures, "local/owncloud.db.gz"));
    await writeFile(database.file, gunzipSync(image));
    return;
  }
  const files = {
    "alice/files/letter.txt": "Dear reader",
    "alice/files/photos/one.jpg": "no photo",
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(data, path)), { recursive: true });
    await writeFile(join(data, path), text);
  }
  await writeFile(join(data, ".ocdata"), "# Nextcloud data directory");
  if (database.kind !== "sqlite") return;
  const sqlite = new DatabaseSync(database.file);
  sqlite.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE oc_filecache (fileid INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER);
    INSERT INTO oc_filecache (path, size) VALUES ('files/letter.txt', 11), ('files/photos/one.jpg', 8);`);
  sqlite.close();
}

async function callsIn(log: string): Promise<readonly (readonly string[])[]> {
  const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const call: unknown = JSON.parse(line);
    const words = typeof call === "object" && call !== null && "words" in call ? call.words : [];
    return Array.isArray(words) ? words.map(String) : [];
  });
}
