// Knows: a user whose Nextcloud is backed up, on any file system, with any database and engine. Must not know: what is tested.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Manifest } from "../../src/sources/nextcloud/layout.ts";
import { type CloudDatabase, type DatabaseKind, newCloudDatabase } from "./cloud-database.ts";
import { type Disk, newDisk } from "./disk.ts";
import { type Ended, newUser, type Started, type User } from "./holdfast.ts";
import { RunLine } from "./json-shapes.ts";
import { newNextcloud, type TestNextcloud } from "./nextcloud.ts";

const execute = promisify(execFile);

/** What its data directory is: a subvolume, a folder in one, a folder of XFS, a folder of what this machine has. */
export type Ground = "subvolume" | "btrfs" | "xfs" | "plain";

/** What differs from the ordinary case. */
export interface CloudSetup {
  readonly ground?: Ground;
  readonly database?: DatabaseKind;
  readonly sizeMiB?: number;
  readonly engine?: "tar" | "restic" | "rsync";
  readonly repository?: Readonly<Record<string, unknown>>;
  /** Keys of the source. */
  readonly source?: Readonly<Record<string, unknown>>;
  readonly job?: Readonly<Record<string, unknown>>;
  /** Further parts of the configuration. In its texts, and those above, HOME stands for the user's home. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** How long each occ takes at least. */
  readonly milliseconds?: number;
  /** Further keys of its config.php. */
  readonly config?: Readonly<Record<string, unknown>>;
}

type End = Extract<RunLine, { event: "run-finished" }>;
type RunLine = ReturnType<typeof RunLine.parse>;

/** A run and what it said. */
export interface CloudRun extends Ended {
  readonly end: End | undefined;
}

/** A user with a Nextcloud and a job `cloud` that backs it up into the repository `store`. */
export class CloudUser implements AsyncDisposable {
  readonly user: User;
  readonly nextcloud: TestNextcloud;
  readonly database: CloudDatabase;
  readonly staging: string;
  readonly disk: Disk | undefined;
  readonly #stack: AsyncDisposableStack;
  readonly #setup: CloudSetup;

  private constructor(
    of: Pick<CloudUser, "user" | "nextcloud" | "database" | "disk">,
    { setup, stack }: { readonly setup: CloudSetup; readonly stack: AsyncDisposableStack },
  ) {
    this.user = of.user;
    this.nextcloud = of.nextcloud;
    this.database = of.database;
    this.disk = of.disk;
    this.#stack = stack;
    this.#setup = setup;
    const { data } = of.nextcloud;
    this.staging = join(data, "..", `.${basename(data)}-holdfast`);
  }

  /** Makes one whose repository exists. */
  static async make(setup: CloudSetup = {}): Promise<CloudUser> {
    await using stack = new AsyncDisposableStack();
    const { ground = "plain", database: kind = "sqlite", milliseconds = 0, config = {} } = setup;
    const user = stack.use(await newUser());
    const database = stack.use(await newCloudDatabase(kind));
    const disk = ground === "plain" ? undefined : stack.use(await diskOf(ground, setup));
    const at = join(disk?.path ?? user.home, "nc");
    await mkdir(at);
    const data = join(at, "data");
    if (ground === "subvolume") await execute("btrfs", ["subvolume", "create", data]);
    const nextcloud = stack.use(
      await newNextcloud({
        at,
        data,
        milliseconds,
        config,
        ...(database.settings === undefined ? {} : { database: database.settings }),
      }),
    );
    await user.write("password", "an ordinary password\n");
    const cloud = new CloudUser(
      { user, nextcloud, database, disk },
      { setup, stack: stack.move() },
    );
    await cloud.configure();
    const { exitStatus, stderr } = await user.holdfast("init");
    assert.equal(exitStatus, 0, stderr);
    return cloud;
  }

  /** Writes the configuration, with these keys of the source besides those of the setup. */
  async configure(source: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { user, nextcloud } = this;
    const { engine = "tar" } = this.#setup;
    const { config, data, customApps: apps, occ } = nextcloud;
    const secret = { password: { file: user.at("password") } };
    const own = { tar: {}, restic: secret, rsync: { snapshots: "hard-links" } }[engine];
    const ordinary = { data, occ, config, extra: [apps], settle: "0s" };
    const configuration = {
      state: user.at("state"),
      repositories: {
        store: { engine, at: user.at("store"), ...own, ...this.#setup.repository },
      },
      jobs: {
        cloud: {
          sources: [{ nextcloud: { ...ordinary, ...this.#setup.source, ...source } }],
          repository: "store",
          ...this.#setup.job,
        },
      },
      ...this.#setup.more,
    };
    const text = JSON.stringify(configuration).replaceAll("HOME", user.home);
    await user.configure(JSON.parse(text));
  }

  /** Puts a file of a user into the data directory. */
  async write(path: string, content: string): Promise<void> {
    const file = join(this.nextcloud.data, "alice/files", path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, content);
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.nextcloud.data, "alice/files", path), { recursive: true });
  }

  /**
   * Puts a script in the place of a program, for what holdfast starts here. In it `$REAL` is the search path without
   * it, and `$HERE` the user's home.
   */
  async replace(program: string, script: string): Promise<void> {
    const head = `#!/bin/sh\nREAL='${process.env["PATH"]}'\nHERE='${this.user.home}'\n`;
    const file = await this.user.write(`programs/${program}`, `${head}${script}\n`);
    await chmod(file, 0o755);
  }

  /** Starts `holdfast` and lets it run. */
  start(...words: readonly string[]): Started {
    const path = `${this.user.at("programs")}:${process.env["PATH"]}`;
    return this.user.start(words, { env: { PATH: path } });
  }

  /** Calls `backup --json`. */
  async backup(...words: readonly string[]): Promise<CloudRun> {
    return cloudRun(await this.start("backup", "--json", ...words).ended);
  }

  /** A backup that must fail with this code, and leave nothing but these in the staging folder. */
  async failed(code: string, stays: readonly string[] = []): Promise<End> {
    const { end, stdout, stderr } = await this.backup();
    assert.equal(end?.code, code, stdout + stderr);
    assert.ok(end !== undefined);
    assert.deepEqual(end.snapshots, []);
    await this.assertTidy(stays);
    return end;
  }

  /** A backup that must succeed; answers with its end. */
  async backedUp(...words: readonly string[]): Promise<End> {
    const { end, exitStatus, stdout, stderr } = await this.backup(...words);
    assert.equal(exitStatus, 0, stdout + stderr);
    assert.ok(end !== undefined);
    return end;
  }

  /** Restores a snapshot, the newest if none is named, and answers with what it holds. */
  async restored(snapshot = "latest"): Promise<RestoredCloud> {
    const target = join(this.user.home, "restored");
    await rm(target, { recursive: true, force: true });
    const words = ["restore", `cloud@${snapshot}`, "--target", target];
    const { exitStatus, stderr } = await this.user.holdfast(...words);
    assert.equal(exitStatus, 0, stderr);
    const inside = join(target, this.staging);
    const folder = existsSync(inside) ? inside : target;
    const manifest: Manifest = JSON.parse(
      await readFile(join(folder, "holdfast-nextcloud.json"), "utf8"),
    );
    const { data } = manifest;
    // Of several sources a mirror keeps the last part of the name of each.
    const places = data.startsWith("/")
      ? [join(target, data), join(target, basename(data))]
      : [join(folder, data), join(target, basename(data))];
    const place = places.find((path) => existsSync(path)) ?? "";
    return { folder, manifest, data: place, dump: join(folder, manifest.database.file) };
  }

  /** Fails when something of a backup is left, but for what is to stay. */
  async assertTidy(stays: readonly string[] = []): Promise<void> {
    assert.equal(this.nextcloud.isInMaintenance(), false, "in maintenance");
    const { config, data } = this.nextcloud;
    assert.deepEqual(await readdir(config), ["config.php"], "beside config.php");
    const left = existsSync(this.staging) ? await readdir(this.staging) : [];
    const allowed = new Set([".holdfast-staging", ...stays]);
    assert.deepEqual(
      left.filter((name) => !allowed.has(name)),
      [],
      "in the staging folder",
    );
    const beside = await readdir(join(data, ".."));
    assert.deepEqual(
      beside.filter((name) => name.endsWith(".in-use")),
      [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function diskOf(ground: Ground, { sizeMiB = 512 }: CloudSetup): Promise<Disk> {
  return await newDisk({ format: ground === "xfs" ? "xfs" : "btrfs", sizeMiB });
}

/** What a snapshot of a Nextcloud holds, restored. */
export interface RestoredCloud {
  /** The folder that was staged. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** The data directory. */
  readonly data: string;
  readonly dump: string;
}

/** Reads what a run said. */
export function cloudRun(ended: Ended): CloudRun {
  const lines = ended.stdout.split("\n").filter((line) => line.startsWith("{"));
  const events = lines.map((line) => RunLine.parse(JSON.parse(line)));
  const ends = events.flatMap((line) => (line.event === "run-finished" ? [line] : []));
  return { ...ended, end: ends.at(-1) };
}
