// Knows: a user whose Nextcloud is backed up and put back, and how two states of it are told apart. Must not know: what happens in between.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DatabaseSettings } from "../../src/databases/database.ts";
import { plainOf } from "../../src/nextcloud/php.ts";
import { type CallOptions, type Ended, newUser, type User } from "./holdfast.ts";
import { newNextcloud, type NextcloudOptions, type TestNextcloud } from "./nextcloud.ts";
import { readConfigFolder } from "./nextcloud-config.ts";

const execute = promisify(execFile);

/** Runs statements in the database of the Nextcloud, and returns the rows, one a line. */
export type Query = (statements: string) => Promise<string>;

/** What differs from the ordinary: a database on a server, another engine, keys of the source. */
export interface CloudOptions {
  readonly nextcloud?: Partial<NextcloudOptions>;
  readonly database?: { readonly settings: DatabaseSettings; readonly query: Query };
  readonly repository?: Readonly<Record<string, unknown>>;
  readonly source?: Readonly<Record<string, unknown>>;
}

/** All that a person would miss: files with their content, rows, settings. */
export interface CloudState {
  readonly files: Readonly<Record<string, string>>;
  readonly rows: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A user with a Nextcloud, a repository and the job "cloud". */
export class Cloud implements AsyncDisposable {
  readonly user: User;
  readonly nextcloud: TestNextcloud;
  readonly query: Query;

  private constructor(user: User, nextcloud: TestNextcloud, query: Query) {
    this.user = user;
    this.nextcloud = nextcloud;
    this.query = query;
  }

  static async make(options: CloudOptions = {}): Promise<Cloud> {
    const user = await newUser();
    const { database } = options;
    const nextcloud = await newNextcloud({
      at: user.at("nc"),
      ...(database === undefined ? {} : { database: database.settings }),
      ...options.nextcloud,
    });
    const sqlite = async (statements: string): Promise<string> =>
      (await execute("sqlite3", [join(nextcloud.data, "owncloud.db"), statements])).stdout;
    const cloud = new Cloud(user, nextcloud, database?.query ?? sqlite);
    if (database !== undefined) {
      await cloud.query("CREATE TABLE oc_filecache (fileid INT PRIMARY KEY, path VARCHAR(400))");
      await cloud.query("INSERT INTO oc_filecache VALUES (1, 'files/letter.txt'), (2, 'ünd 🙂')");
    }
    await cloud.configure(options);
    await cloud.succeed("init");
    return cloud;
  }

  /** Writes the configuration anew. */
  async configure({ repository, source }: CloudOptions = {}): Promise<void> {
    const { nextcloud, user } = this;
    const { data, occ, config, customApps } = nextcloud;
    const described = { data, occ, config, extra: [customApps], settle: "0s", ...source };
    await user.configure({
      state: user.at("state"),
      repositories: {
        disk: { engine: "tar", at: user.at("repository"), compress: "none", ...repository },
      },
      jobs: { cloud: { sources: [{ nextcloud: described }], repository: "disk" } },
    });
  }

  async call(words: readonly string[], options?: CallOptions): Promise<Ended> {
    return await this.user.start(words, options).ended;
  }

  /** Calls the program, which must end well. */
  async succeed(...words: readonly string[]): Promise<string> {
    const { exitStatus, stdout, stderr } = await this.user.holdfast(...words);
    assert.equal(exitStatus, 0, `${words.join(" ")}: ${stdout}${stderr}`);
    return stdout + stderr;
  }

  /** What people do until they wish that they had not. */
  async change(): Promise<void> {
    const { data } = this.nextcloud;
    await writeFile(join(data, "alice/files/new.txt"), "new");
    await writeFile(join(data, "alice/files/photos/one.jpg"), "changed");
    await rm(join(data, "alice/files/letter.txt"), { force: true });
    await this.query("DELETE FROM oc_filecache WHERE fileid IN (1, 9)");
    await this.query("INSERT INTO oc_filecache (fileid, path) VALUES (9, 'files/new.txt')");
    await this.nextcloud.setConfig({ loglevel: 0, theme: "another" });
  }

  async state(): Promise<CloudState> {
    const { data, customApps, config } = this.nextcloud;
    const settings = [...readConfigFolder(config)]
      .filter(([key]) => !["maintenance", "data-fingerprint"].includes(key))
      .map(([key, value]) => [key, plainOf(value)] as const);
    return {
      files: { ...(await contents(data)), ...(await contents(customApps)) },
      rows: await this.query("SELECT fileid, path FROM oc_filecache ORDER BY fileid"),
      settings: Object.fromEntries(settings),
    };
  }

  /** What is left of us beside the data directory, the staging folder apart. */
  async leftovers(): Promise<readonly string[]> {
    const usual = ["config", "custom_apps", "data", "occ", "occ.log", ".data-holdfast"];
    const beside = (await readdir(this.nextcloud.folder)).filter((name) => !usual.includes(name));
    const inside = (await readdir(this.nextcloud.data)).filter((name) => name.includes("holdfast"));
    const settings = (await readdir(this.nextcloud.config)).filter((name) => name !== "config.php");
    return [...beside, ...inside, ...settings].filter((name) => !name.includes("before-"));
  }

  /** The folders that what was there is kept in. */
  async safetyCopies(): Promise<readonly string[]> {
    const beside = await readdir(this.nextcloud.folder);
    return beside.filter((name) => name.startsWith("data.before-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nextcloud[Symbol.asyncDispose]();
    await this.user[Symbol.asyncDispose]();
  }
}

/** Every file below a folder with its content, but for a database that is in there. */
async function contents(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("owncloud.db"));
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  const read = paths
    .filter((path) => !path.includes(".holdfast-before-"))
    .map(async (path) => [path, await readFile(path, "latin1")] as const);
  return Object.fromEntries(await Promise.all(read));
}
