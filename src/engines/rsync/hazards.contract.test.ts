// What went wrong with others' mirrors, or could with ours: each with the real rsync.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { addAttributes, attributesOf, attributeTools } from "../../../test/support/attributes.ts";
import { newDisk, withoutDisks } from "../../../test/support/disk.ts";
import { withCode, Workshop } from "../../../test/support/engine-contract.ts";
import { commandLine, killIfThere } from "../../../test/support/processes.ts";
import {
  mirrors,
  openMirror,
  withoutMirror,
  type MirrorLayout,
} from "../../../test/support/rsync-places.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { makeHostileTree } from "../../../test/support/tree.ts";
import type { BackupResult } from "../engine.ts";
import type { Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";

const execute = promisify(execFile);
const layouts = ["none", "hard-links", "btrfs"] as const;

/** The folder in which the newest state lies. */
function current(layout: MirrorLayout, location: string): string {
  return {
    none: location,
    "hard-links": join(location, "latest"),
    btrfs: join(location, "staging"),
  }[layout];
}

async function fill(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index += 1)
    await writeFile(join(folder, `f${index}`), `${index}`);
}

async function backUp(
  workshop: Workshop,
  options: Readonly<Record<string, unknown>> = {},
  { allowDeletions = false, host = localHost() } = {},
): Promise<BackupResult> {
  const layout = layoutOf(workshop);
  const repository = openMirror(layout, workshop.place.location, { options, host });
  return await repository.backup(
    workshop.request({ allowDeletions, sourceHost: host }),
    workshop.work,
  );
}

function layoutOf({ engine }: Workshop): MirrorLayout {
  return layouts.find((layout) => engine.name.endsWith(layout)) ?? "none";
}

function rsyncsNaming(path: string): readonly number[] {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.filter(
    (pid) => /(^|\/)rsync /.test(commandLine(pid)) && commandLine(pid).includes(path),
  );
}

for (const layout of layouts) {
  suite(
    `deletions from a mirror with snapshots: ${layout}`,
    { skip: withoutMirror(layout) },
    () => {
      test("none happen when the source is empty, until somebody says so", async () => {
        await using workshop = await Workshop.open(mirrors(layout));
        await fill(join(workshop.source, "many"), 50);
        await workshop.snapshot();
        const before = await workshop.list();
        await execute("find", [workshop.source, "-mindepth", "1", "-delete"]);

        await assert.rejects(backUp(workshop), withCode("deletion-refused"));
        await assert.rejects(
          backUp(workshop, { "max-delete": "100%" }),
          withCode("deletion-refused"),
        );

        const held = await readdir(join(current(layout, workshop.place.location), "many"));
        assert.equal(held.length, 50);
        assert.deepEqual(await workshop.list(), before);
        const { evidence } = await backUp(workshop, {}, { allowDeletions: true });
        assert.equal(evidence.files, 0);
      });

      test("all happen that are within bounds", async () => {
        await using workshop = await Workshop.open(mirrors(layout));
        await fill(join(workshop.source, "many"), 20);
        await workshop.snapshot();
        await rm(join(workshop.source, "many", "f3"));

        await backUp(workshop);

        const held = await readdir(join(current(layout, workshop.place.location), "many"));
        assert.equal(held.length, 19);
      });
    },
  );
}

for (const layout of ["none", "btrfs"] as const) {
  test(
    `deletes nothing from a mirror (${layout}) when more than half would go`,
    { skip: withoutMirror(layout) },
    async () => {
      await using workshop = await Workshop.open(mirrors(layout));
      await fill(join(workshop.source, "many"), 50);
      await fill(join(workshop.source, "few"), 10);
      await workshop.snapshot();
      await rm(join(workshop.source, "many"), { recursive: true });

      const refused = backUp(workshop);

      await assert.rejects(
        refused,
        /lacks \d+ of 6\d files and folders.*\(50 %\); none was deleted/,
      );
      await assert.rejects(backUp(workshop, { "max-delete": 49 }), withCode("deletion-refused"));
      const held = await readdir(join(current(layout, workshop.place.location), "many"));
      assert.equal(held.length, 50);
      await backUp(workshop, { "max-delete": "90%" });
      await assert.rejects(lstat(join(current(layout, workshop.place.location), "many")));
    },
  );
}

suite("a mirror", { skip: withoutMirror("none") }, () => {
  test("keeps its sentinels and its record whatever options are replaced", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    const { location } = workshop.place;
    await writeFile(join(location, ".nbkp-dst"), "");
    await writeFile(join(workshop.source, ".nbkp-src"), "");
    await writeFile(join(workshop.source, ".holdfast-volume"), "");
    const options = {
      options: ["-r", "--delete"],
      "extra-options": ["--delete-excluded", "--include=*"],
    };

    for (let round = 0; round < 2; round += 1)
      await backUp(workshop, { ...options, filters: ["R *", "+ *"] });

    assert.deepEqual((await readdir(location)).toSorted(), [
      ".holdfast-mirror.json",
      ".nbkp-dst",
      "file",
    ]);
    assert.equal((await workshop.list()).length, 1);
  });

  test("is not made over the files of somebody else", async () => {
    await using workshop = await Workshop.open(mirrors("none"), { empty: true });
    const { location } = workshop.place;
    await fill(location, 3);
    const repository = workshop.place.open();
    const { signal } = workshop.work;

    await assert.rejects(repository.init(signal), withCode("target-invalid"));
    await assert.rejects(workshop.snapshot(), withCode("repository-missing"));

    assert.equal((await readdir(location)).length, 3);
    await writeFile(join(location, ".holdfast-mirror.json"), "");
    assert.equal(await repository.exists(signal), true);
  });

  test("that was left in the middle is not listed, and says where its files are", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    const snapshot = await workshop.snapshot();
    const record = join(workshop.place.location, ".holdfast-mirror.json");
    await writeFile(record, `{"id":"${snapshot.id}","complete":false}\n{"id":"cut o`);

    const restoring = workshop.restored(snapshot);

    await assert.rejects(restoring, (error: Error & { hint?: string }) => {
      assert.match(error.hint ?? "", new RegExp(`rsync -aHAX -- ${workshop.place.location}/ `));
      return withCode("snapshot-missing")(error);
    });
    assert.deepEqual(await workshop.list(), []);
  });

  test("names the links that lead out of the source, when those are to be left out", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    await symlink("/etc", join(workshop.source, "out\nside"));
    await symlink("file", join(workshop.source, "inside"));

    const safe = await backUp(workshop, { symlinks: "safe" });
    const kept = await backUp(workshop);

    assert.match(
      (safe.evidence.notes ?? []).join("|"),
      /^1 symbolic link leading out .*: out\nside$/,
    );
    assert.equal(kept.evidence.notes, undefined);
    assert.ok((await lstat(join(workshop.place.location, "out\nside"))).isSymbolicLink());
  });

  test(
    "keeps access control lists and extended attributes",
    { skip: withoutTools(...attributeTools) },
    async () => {
      await using workshop = await Workshop.open(mirrors("hard-links"));
      await makeHostileTree(workshop.source);
      await addAttributes(workshop.source);

      const snapshot = await workshop.snapshot();
      const { path } = await workshop.restored(snapshot);

      assert.equal(await attributesOf(path), await attributesOf(workshop.source));
    },
  );

  test("holds several sources below their names, and says what else is there", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    const paths = ["one", "two"].map((name) => join(workshop.directory, name));
    for (const path of paths) await fill(path, 2);
    const repository = workshop.place.open();

    await repository.backup(workshop.request({ paths }), workshop.work);
    const { snapshots, evidence } = await repository.backup(
      workshop.request({ paths: [paths[1] ?? "", join(workshop.source, "file")] }),
      workshop.work,
    );

    assert.match((evidence.notes ?? []).join(), /of no source of the job any more: one;/);
    const target = join(workshop.directory, "target");
    const include = [join(paths[1] ?? "", "f1"), join(workshop.source, "file")];
    await repository.restore({ snapshot: snapshots[0]?.id ?? "", include, target }, workshop.work);
    assert.deepEqual((await readdir(target, { recursive: true })).toSorted(), [
      "file",
      "two",
      "two/f1",
    ]);
    const twice = workshop.request({ paths: [paths[0] ?? "", join(workshop.source, "one")] });
    await mkdir(join(workshop.source, "one"));
    await assert.rejects(repository.backup(twice, workshop.work), withCode("config-invalid"));
  });
});

/** Runs commands as a user who may read less. */
function asNobody(): Host {
  const host = localHost();
  const words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] as const;
  return {
    ...host,
    run: async (command, signal, watch) =>
      await host.run({ ...command, argv: [...words, ...command.argv] }, signal, watch),
  };
}

const skipNobody =
  process.getuid?.() === 0
    ? withoutTools("setpriv", "rsync")
    : "only root can become somebody else";

suite("files that cannot be read or written", { skip: skipNobody }, () => {
  test("are named, and the snapshot without them is kept", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links"), { empty: true });
    await chmod(workshop.directory, 0o755);
    await fill(workshop.source, 3);
    await chmod(join(workshop.source, "f1"), 0);
    await mkdir(workshop.place.location);
    await chown(workshop.place.location, 65_534, 65_534);
    await chmod(join(workshop.place.location, ".."), 0o755);
    const host = asNobody();
    await openMirror("hard-links", workshop.place.location, { host }).init(workshop.work.signal);

    const { snapshots, evidence } = await backUp(workshop, {}, { host });

    assert.deepEqual(
      [evidence.unreadable, evidence.unreadableCount],
      [[join(workshop.source, "f1")], 1],
    );
    assert.deepEqual(await workshop.list(), snapshots);
    const held = await readdir(join(workshop.place.location, "latest"));
    assert.deepEqual(held.toSorted(), ["f0", "f2", "file"]);
    await chmod(join(workshop.place.location, "snapshots"), 0o500);
    await chmod(join(workshop.source, "f1"), 0o644);
    await assert.rejects(backUp(workshop, {}, { host }), withCode("command-failed"));
    assert.deepEqual(await workshop.list(), snapshots);
  });

  test("can be forgotten where their folders may not be written to", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links"), { empty: true });
    await chmod(workshop.directory, 0o755);
    await fill(join(workshop.source, "locked"), 2);
    await chmod(join(workshop.source, "locked"), 0o555);
    await mkdir(workshop.place.location);
    await chown(workshop.place.location, 65_534, 65_534);
    await chmod(join(workshop.place.location, ".."), 0o755);
    const host = asNobody();
    const repository = openMirror("hard-links", workshop.place.location, { host });
    await repository.init(workshop.work.signal);
    const { snapshots } = await backUp(workshop, {}, { host });
    await backUp(workshop, {}, { host });

    await repository.forget(
      snapshots.map(({ id }) => id),
      workshop.work,
    );

    assert.equal((await workshop.list()).length, 1);
    assert.deepEqual((await readdir(workshop.place.location)).toSorted(), [
      ".holdfast-records",
      "latest",
      "snapshots",
    ]);
    const { mode } = await lstat(join(workshop.place.location, "latest/locked"));
    assert.equal(mode & 0o777, 0o555);
  });
});

suite("a transfer", { skip: withoutMirror("hard-links") }, () => {
  test("may lose files on the way that vanish", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links"));
    await writeFile(join(workshop.source, "a large one"), Buffer.alloc(1 << 20, "x"));
    await writeFile(join(workshop.source, "z vanishes"), "soon");
    const repository = openMirror("hard-links", workshop.place.location, {
      options: { "extra-options": ["--bwlimit=256k"] },
    });

    const { evidence, snapshots } = await repository.backup(workshop.request(), {
      signal: workshop.work.signal,
      progress: () => void rm(join(workshop.source, "z vanishes"), { force: true }),
    });

    assert.equal(snapshots.length, 1);
    assert.equal(evidence.unreadableCount, undefined);
    assert.match((evidence.notes ?? []).join(), /1 file vanished while being read: .*z vanishes/);
  });

  test("that was killed goes on where it was, and harms no older snapshot", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links"));
    for (let index = 0; index < 8; index += 1)
      await writeFile(join(workshop.source, `f${index}`), Buffer.alloc(1 << 18, `${index}`));
    const first = await workshop.snapshot();
    for (let index = 10; index < 18; index += 1)
      await writeFile(join(workshop.source, `g${index}`), Buffer.alloc(1 << 18, `${index}`));
    const slow = openMirror("hard-links", workshop.place.location, {
      options: { "extra-options": ["--bwlimit=512k"] },
    });

    const killed = slow.backup(workshop.request(), {
      signal: workshop.work.signal,
      progress({ bytesDone = 0 }) {
        if (bytesDone < 1 << 20) return;
        for (const pid of rsyncsNaming(workshop.place.location)) killIfThere(pid);
      },
    });
    await assert.rejects(killed, withCode("command-failed"));
    assert.deepEqual(await workshop.list(), [first]);
    // What an unfinished snapshot shares with an older one must not change there.
    await chmod(join(workshop.source, "f0"), 0o600);
    const { evidence } = await backUp(workshop);

    assert.ok((evidence.added ?? 0) < 8 << 18, `${evidence.added} bytes were sent again`);
    const old = join(workshop.place.location, "snapshots", first.id);
    assert.equal((await lstat(join(old, "f0"))).mode & 0o777, 0o644);
    assert.deepEqual((await readdir(join(workshop.place.location, "latest"))).length, 17);
  });
});

test(
  "is refused before anything is written when it will not fit",
  { skip: withoutDisks("ext4") || withoutMirror("none") },
  async () => {
    await using disk = await newDisk({ format: "ext4", sizeMiB: 16 });
    await using workshop = await Workshop.open(mirrors("none"));
    await writeFile(join(workshop.source, "large"), Buffer.alloc(20 << 20, "x"));
    for (const layout of ["none", "hard-links"] as const) {
      const location = join(disk.path, layout);
      await openMirror(layout, location).init(workshop.work.signal);

      const checked = openMirror(layout, location).backup(workshop.request(), workshop.work);
      await assert.rejects(checked, withCode("repository-full"));
      const names = await readdir(location, { recursive: true });
      assert.ok(!names.includes("large"));
      const options = { "check-free-space": false };
      const unchecked = openMirror(layout, location, { options }).backup(
        workshop.request(),
        workshop.work,
      );
      await assert.rejects(unchecked, withCode("repository-full"));

      assert.deepEqual(await workshop.list(openMirror(layout, location)), []);
      await rm(location, { recursive: true });
    }
  },
);

test(
  "finds strangers, links to nowhere and snapshots that may have been changed",
  { skip: withoutMirror("btrfs") },
  async () => {
    await using workshop = await Workshop.open(mirrors("btrfs"));
    const { location } = workshop.place;
    const snapshot = await workshop.snapshot();
    await mkdir(join(location, "snapshots", "lost+found"));
    await execute("btrfs", [
      "property",
      "set",
      "-ts",
      join(location, "snapshots", snapshot.id),
      "ro",
      "false",
    ]);
    await execute("ln", ["-sfn", "snapshots/gone", join(location, "latest")]);
    const repository = workshop.place.open();

    const { problems, notes = [] } = await repository.check({ readData: "100%" }, workshop.work);
    const findings = (await repository.examine?.(workshop.work.signal, [])) ?? [];

    assert.match(
      problems.join("|"),
      /latest leads to snapshots\/gone.*\|snapshot .* is not read-only/,
    );
    assert.match(notes.join("|"), /lost\+found\|no file was compared/);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ["latest-invalid", "stray-entries"],
    );
    assert.match(findings[0]?.hint ?? "", /^ln -sfn -- snapshots\//);
    const text = await readFile(join(location, "staging", "file"), "utf8");
    assert.equal(text, "first");
  },
);

test(
  "compares with another repository where the source is away",
  { skip: withoutMirror("none") },
  async () => {
    await using workshop = await Workshop.open(mirrors("hard-links"));
    await using further = await mirrors("none").newPlace();
    await further.create();
    await makeHostileTree(workshop.source);
    const from = workshop.place.open();
    const snapshot = await workshop.snapshot(from);
    const job = { name: "contract", paths: [workshop.source] };
    await further.open().copy(from, { job, snapshots: [snapshot] }, workshop.work);
    const level = { readData: "100%", other: { what: from, host: localHost() } };

    const whole = await further.open().check(level, workshop.work);
    await further.damage?.();
    const damaged = await further.open().check(level, workshop.work);

    assert.deepEqual([whole.problems, whole.notes], [[], []]);
    assert.match(
      damaged.problems.join(),
      /(large|hard link) in snapshot .* differs from repository "tested"/,
    );
  },
);
