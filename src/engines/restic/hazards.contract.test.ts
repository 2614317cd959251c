// What can go wrong with restic on one machine, and what becomes of it: in all three versions.
import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { withCode, Workshop } from "../../../test/support/engine-contract.ts";
import { FaultyHost } from "../../../test/support/faulty-host.ts";
import { folderPlace, inFolders, openRestic, secret } from "../../../test/support/restic-places.ts";
import { resticVersions, type ResticVersion } from "../../../test/support/restic-versions.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { localHost } from "../../hosts/local.ts";
import { HoldfastError } from "../../kernel/errors.ts";

const execute = promisify(execFile);
const { signal } = new AbortController();

/** For `skip` of what only root can arrange. In CI it has to be root. */
const withoutRoot = ((): string | false => {
  if (process.getuid?.() === 0) return withoutTools("setpriv", "unshare", "mount");
  if (process.env["CI"] === "true") throw new Error("these tests need root");
  return "needs root";
})();

for (const version of resticVersions) {
  suite(`restic ${version.version} meets`, { skip: version.skip, concurrency: 3 }, () => {
    const engine = inFolders(version);
    sources(version, async () => await Workshop.open(engine));
    locks(version, async () => await Workshop.open(engine));
    disks(version);
    habits(version, async () => await Workshop.open(engine));
    settings(version, async () => await Workshop.open(engine));
  });
}

type Open = () => Promise<Workshop>;

function sources(version: ResticVersion, open: Open): void {
  test(
    "files it may not read: the snapshot stays, and they are named",
    { skip: withoutRoot },
    async () => {
      await using workshop = await open();
      await mkdir(join(workshop.source, "closed"), { mode: 0o700 });
      await writeFile(join(workshop.source, "private\nfile"), "", { mode: 0o600 });
      for (const path of [tmpdir(), workshop.directory, workshop.source]) await readable(path);
      await execute("chmod", ["-R", "a+rwX", join(workshop.place.location, "..")]);
      const program = await asNobody(version.program, workshop.directory);
      const repository = openRestic(version, workshop.place.location, { options: { program } });

      const { snapshots, evidence } = await repository.backup(workshop.request(), workshop.work);

      assert.equal(snapshots.length, 1);
      assert.equal(evidence.unreadableCount, 2);
      assert.deepEqual(
        new Set(evidence.unreadable),
        new Set(["closed", "private\nfile"].map((name) => join(workshop.source, name))),
      );
      assert.equal(evidence.files, 1);
    },
  );

  test("a source that is gone: it is told, and the others are saved", async () => {
    await using workshop = await open();
    const gone = join(workshop.directory, "gone");
    const repository = workshop.place.open();

    const { evidence } = await repository.backup(
      workshop.request({ paths: [workshop.source, gone] }),
      workshop.work,
    );

    assert.deepEqual([evidence.unreadable, evidence.unreadableCount], [[gone], 1]);
    assert.equal(evidence.files, 1);
    await assert.rejects(
      repository.backup(workshop.request({ paths: [gone] }), workshop.work),
      withCode("command-failed"),
    );
  });

  test("all kinds of exclusions", async () => {
    await using workshop = await open();
    const { source } = workshop;
    for (const folder of ["node_modules", "cache", "kept"]) await mkdir(join(source, folder));
    for (const name of [
      "a.tmp",
      "A.TMP",
      "node_modules/x",
      "cache/.nobackup",
      "cache/y",
      "kept/-z",
    ]) {
      await writeFile(join(source, name), name);
    }
    await writeFile(join(source, "huge"), Buffer.alloc(5000));
    await writeFile(join(workshop.directory, "patterns"), "kept/-*\n");
    const selection = {
      exclude: ["*.tmp", "node_modules"],
      excludeFiles: [join(workshop.directory, "patterns")],
      excludeIfPresent: [".nobackup"],
      excludeLargerThanBytes: 4000,
      ignoreCase: true,
      oneFileSystem: true,
    };

    const { snapshots } = await workshop.place
      .open()
      .backup(workshop.request({ selection }), workshop.work);

    const [snapshot] = snapshots;
    assert.ok(snapshot !== undefined);
    const { path } = await workshop.restored(snapshot);
    const names = await readdir(path, { recursive: true });
    assert.deepEqual(new Set(names), new Set(["cache", "cache/.nobackup", "file", "kept"]));
  });
}

function locks(version: ResticVersion, open: Open): void {
  test("a living restic: what it blocks is refused, what it does not is done", async () => {
    await using workshop = await open();
    await using holder = await holdLock(version, workshop);
    const repository = workshop.place.open();

    await workshop.snapshot(repository);
    await assert.rejects(repository.prune(workshop.work), (error) => {
      assert.ok(withCode("repository-locked")(error));
      assert.ok(error instanceof HoldfastError);
      assert.match(error.message, new RegExp(`by process ${holder.pid} `));
      assert.match(error.hint ?? "", new RegExp(`process ${holder.pid} has ended`));
      return true;
    });

    assert.equal((await readdir(join(workshop.place.location, "locks"))).length, 1);
  });

  test("the lock of a restic that was killed: it is removed", async () => {
    await using workshop = await open();
    {
      await using holder = await holdLock(version, workshop);
      holder.kill("SIGKILL");
    }
    assert.equal((await readdir(join(workshop.place.location, "locks"))).length, 1);

    await workshop.place.open().prune(workshop.work);

    assert.equal((await readdir(join(workshop.place.location, "locks"))).length, 0);
  });

  test("a restic that is just ending: it is waited for", async () => {
    await using workshop = await open();
    await using holder = await holdLock(version, workshop);
    const pruned = workshop.place.open().prune(workshop.work);
    await sleep(700);

    holder.kill("SIGKILL");

    await pruned;
  });

  test("the lock of another machine: it stays", { skip: withoutRoot }, async () => {
    await using workshop = await open();
    {
      await using holder = await holdLock(version, workshop, "another-machine");
      holder.kill("SIGKILL");
    }

    await assert.rejects(workshop.place.open().prune(workshop.work), (error) => {
      assert.ok(withCode("repository-locked")(error));
      assert.match(String(error), /on another-machine since/);
      return true;
    });

    assert.equal((await readdir(join(workshop.place.location, "locks"))).length, 1);
  });
}

function disks(version: ResticVersion): void {
  test(
    "a full disk: it says so, and the earlier snapshot stays",
    { skip: withoutRoot },
    async () => {
      await using disk = await mountMemory("8m");
      await using workshop = await onDisk(version, disk.path);
      const snapshot = await workshop.snapshot();
      await writeFile(
        join(workshop.source, "noise"),
        crypto.getRandomValues(new Uint8Array(65_536)),
      );
      for (const index of Array.from({ length: 200 }).keys()) {
        const noise = crypto.getRandomValues(new Uint8Array(65_536));
        await writeFile(join(workshop.source, `noise ${index}`), noise);
      }

      await assert.rejects(
        workshop.place.open().backup(workshop.request(), workshop.work),
        withCode("repository-full"),
      );

      assert.deepEqual(await workshop.list(), [snapshot]);
      const { problems } = await workshop.restored(snapshot);
      assert.deepEqual(problems, []);
    },
  );

  test(
    "a read-only disk: nothing is saved, but listed and restored",
    { skip: withoutRoot },
    async () => {
      await using disk = await mountMemory("8m");
      await using workshop = await onDisk(version, disk.path);
      const snapshot = await workshop.snapshot();
      await execute("mount", ["-o", "remount,ro", disk.path]);
      const repository = workshop.place.open();

      await assert.rejects(repository.backup(workshop.request(), workshop.work), (error) => {
        assert.ok(withCode("command-failed")(error));
        assert.match(String(error), /read-only file system/);
        return true;
      });
      assert.deepEqual(await workshop.list(repository), [snapshot]);
      const { path, problems } = await workshop.restored(snapshot, repository);

      assert.deepEqual(problems, []);
      assert.deepEqual(await readdir(path), ["file"]);
    },
  );

  test("a full target: what could not be restored is told", { skip: withoutRoot }, async () => {
    await using disk = await mountMemory("1m");
    await using workshop = await Workshop.open(inFolders(version));
    await writeFile(join(workshop.source, "large"), Buffer.alloc(3 * 1024 ** 2, "x"));
    const snapshot = await workshop.snapshot();

    const { problems } = await workshop.place
      .open()
      .restore({ snapshot: snapshot.id, include: [], target: disk.path }, workshop.work);

    assert.match(problems.join("\n"), /large: .*no space left on device/);
  });
}

function habits(version: ResticVersion, open: Open): void {
  test("snapshots of a predecessor: they are continued, with one snapshot for each source", async () => {
    await using workshop = await open();
    const other = join(workshop.directory, "other");
    await mkdir(other);
    await writeFile(join(other, "noise"), crypto.getRandomValues(new Uint8Array(65_536)));
    for (const path of [workshop.source, other]) await byHand(version, workshop, ["backup", path]);
    const repository = openRestic(version, workshop.place.location, {
      options: { "snapshot-per-source": true },
    });
    const paths = [workshop.source, other];

    const { snapshots, after, evidence } = await repository.backup(
      workshop.request({ paths }),
      workshop.work,
    );

    assert.deepEqual(
      snapshots.map((snapshot) => snapshot.paths),
      paths.map((path) => [path]),
    );
    const series = repository.series({ name: "contract", paths });
    assert.deepEqual(
      after.map((snapshot) => snapshot.series),
      [...series, ...series],
    );
    // Unchanged since the predecessor: nothing was stored anew.
    assert.ok((evidence.added ?? 0) < 10_000, String(evidence.added));
  });

  test("snapshots of another machine or another person: they are listed, without a series", async () => {
    await using workshop = await open();
    const { source } = workshop;
    await byHand(version, workshop, [
      "backup",
      "--host",
      "nas",
      "--tag",
      "holdfast:contract",
      source,
    ]);
    await byHand(version, workshop, ["backup", "--tag", "for-ever", source]);

    const listed = await workshop.list();

    assert.deepEqual(
      listed.map(({ host, series }) => [host === "nas", series]),
      [
        [true, undefined],
        [false, undefined],
      ],
    );
  });

  test("an init that was interrupted: it is made up for", async () => {
    await using place = await folderPlace(version);
    await place.create();
    await rename(join(place.location, "config"), join(place.location, "..", "lost"));
    const repository = place.open();

    assert.equal(await repository.exists(signal), false);
    await repository.init(signal);

    assert.equal(await repository.exists(signal), true);
    const names = await readdir(place.location);
    assert.equal(names.filter((name) => name.startsWith("keys-of-interrupted-init-")).length, 1);
  });
}

function settings(version: ResticVersion, open: Open): void {
  test("every option that there is", async () => {
    await using workshop = await open();
    const cache = join(workshop.directory, "cache");
    const options = {
      "no-cache": false,
      "cache-dir": cache,
      compression: "max",
      limits: { upload: "100MiB", download: "100MiB" },
      "pack-size": "8MiB",
      "max-unused": "10%",
      options: { "local.connections": 3 },
      environment: { GOMAXPROCS: "1" },
      tags: ["daily"],
      host: "laptop",
    };
    const repository = openRestic(version, workshop.place.location, { options });

    const snapshot = await workshop.snapshot(repository);
    await repository.prune(workshop.work);

    assert.deepEqual([snapshot.host, snapshot.labels], ["laptop", ["daily"]]);
    assert.ok((await stat(cache)).isDirectory());
  });

  test("options that a newer restic would know", async () => {
    await using workshop = await open();
    const newer = { compression: "fastest", "read-concurrency": 4 };
    const repository = openRestic(version, workshop.place.location, { options: newer });
    const saved = repository.backup(workshop.request(), workshop.work);

    if (version.version === "0.19") await saved;
    else await assert.rejects(saved, withCode("tool-too-old"));
  });

  test("an environment that says otherwise", async () => {
    await using workshop = await open();
    const env = {
      ...process.env,
      RESTIC_REPOSITORY: "/nowhere",
      RESTIC_REPOSITORY_FILE: "/nowhere",
      RESTIC_PASSWORD: "another",
      RESTIC_PASSWORD_FILE: "/nowhere",
      RESTIC_PASSWORD_COMMAND: "false",
      RESTIC_FROM_REPOSITORY: "/nowhere",
      RESTIC_FROM_PASSWORD_FILE: "/nowhere",
      RESTIC_HOST: "another",
    };
    const repository = workshop.place.open({ host: localHost({ env }) });
    await using further = await folderPlace(version);
    await further.create();

    const snapshot = await workshop.snapshot(repository);
    const request = { job: { name: "contract", paths: [workshop.source] }, snapshots: [snapshot] };
    const { copied } = await further
      .open({ host: localHost({ env }) })
      .copy(repository, request, workshop.work);

    assert.deepEqual(await workshop.list(repository), [snapshot]);
    assert.equal(copied.length, 1);
  });

  test("a program that is not there", async () => {
    await using workshop = await open();
    const repository = openRestic(version, workshop.place.location, {
      options: { program: "/nowhere/restic" },
    });

    await assert.rejects(repository.exists(signal), withCode("tool-missing"));
  });

  test("rubbish instead of an answer", async () => {
    await using workshop = await open();
    using host = new FaultyHost(localHost(), [
      {
        at: ({ argv }) => argv.includes("snapshots"),
        fault: { kind: "garbage", stdout: "core dumped\n" },
      },
    ]);

    await assert.rejects(workshop.list(workshop.place.open({ host })), withCode("command-failed"));
  });
}

/** A restic that holds a lock until it is disposed of or killed; also under another machine's name. */
async function holdLock(
  version: ResticVersion,
  workshop: Workshop,
  machine?: string,
): Promise<ChildProcess & AsyncDisposable> {
  const { location } = workshop.place;
  const restic = [version.program, "--no-cache", "--repo", location, "backup", "--stdin"];
  const renamed = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', machine ?? ""];
  const [program = "", ...args] = machine === undefined ? restic : [...renamed, ...restic];
  const child = spawn(program, args, {
    env: { ...process.env, RESTIC_PASSWORD: secret },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(child, "exit");
  const folder = join(location, "locks");
  // It is written under another name first.
  while (!(await readdir(folder)).some((name) => /^[0-9a-f]{64}$/.test(name))) await sleep(20);
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      // It waits for its input and would not notice anything gentler.
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  });
}

async function byHand(
  version: ResticVersion,
  workshop: Workshop,
  args: readonly string[],
): Promise<void> {
  await execute(version.program, ["--no-cache", "--repo", workshop.place.location, ...args], {
    env: { ...process.env, RESTIC_PASSWORD: secret },
  });
}

/** A script that runs a program as the user who owns nothing. */
async function asNobody(program: string, directory: string): Promise<string> {
  const path = join(directory, "as-nobody");
  const command = `exec setpriv --reuid=65534 --regid=65534 --clear-groups "${program}" "$@"`;
  await writeFile(path, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  return path;
}

async function readable(path: string): Promise<void> {
  await chmod(path, (await stat(path)).mode | 0o555);
}

/** A file system of its own, in memory. */
async function mountMemory(size: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-disk-"));
  await execute("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await execute("umount", [path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A workshop whose repository is on another disk than its source. */
async function onDisk(version: ResticVersion, disk: string): Promise<Workshop> {
  const place = await folderPlace(version);
  await place.create();
  const location = join(disk, "repository");
  await execute("cp", ["-a", place.location, location]);
  const there = {
    location,
    open: (opening: Parameters<typeof openRestic>[2]) => openRestic(version, location, opening),
    async create() {
      // It is there already.
    },
    [Symbol.asyncDispose]: async () => await place[Symbol.asyncDispose](),
  };
  return await Workshop.open({ ...inFolders(version), newPlace: async () => there });
}
