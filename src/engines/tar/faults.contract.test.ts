// Whatever fails while an archive is made or received: none that is not whole is listed, the chain stays valid, and the next one succeeds.
// HOLDFAST_KILLS: from 60 on at every command, else at every other one.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command, Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";
import { ArchiveBench, gpg, work } from "../../../test/support/archives.ts";
import { withoutDisks } from "../../../test/support/disk.ts";
import { withCode } from "../../../test/support/engine-contract.ts";
import { FaultyHost, killed } from "../../../test/support/faulty-host.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import type { Repository } from "../engine.ts";
import { isLeftover } from "./names.ts";

const skip = withoutTools("tar", "zstd", "gpg");
const thorough = Number(process.env["HOLDFAST_KILLS"] ?? 10) >= 60;

/** A host on which programs stand before the real ones, which are in `$REAL`. */
async function hostWith(
  bench: ArchiveBench,
  programs: Readonly<Record<string, string>>,
): Promise<Host> {
  const bin = bench.at("bin");
  await mkdir(bin);
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await chmod(join(bin, name), 0o755);
  }
  const path = process.env["PATH"] ?? "";
  return localHost({ env: { ...process.env, PATH: `${bin}:${path}`, REAL: path } });
}

/** What was listed still is, and is a chain. */
async function assertListed(
  bench: ArchiveBench,
  repository: Repository,
  held: readonly string[],
): Promise<readonly string[]> {
  const ids = (await bench.listed(repository)).map(({ id }) => id);
  assert.deepEqual(ids.slice(0, held.length), held);
  assert.deepEqual((await repository.check({}, work)).problems, []);
  return ids;
}

/** And everything that is listed can be read through. */
async function assertSound(
  bench: ArchiveBench,
  repository: Repository,
  held: readonly string[],
): Promise<readonly string[]> {
  const ids = await assertListed(bench, repository, held);
  const { problems } = await repository.check({ readData: "100%" }, work);
  assert.deepEqual(problems, []);
  return ids;
}

async function assertTidy(folder: string, ids: readonly string[]): Promise<void> {
  const files = await readdir(folder);
  const archives = new Set(ids);
  assert.deepEqual(
    files.filter((file) => isLeftover(file, archives)),
    [],
  );
}

function namesAnArchive({ argv }: Command): boolean {
  return argv[0] === "mv" && (argv.at(-1) ?? "").endsWith(".tar.zst");
}

const failures = [
  {
    title: "tar that complains of what nobody knows",
    programs: { tar: 'PATH=$REAL; tar "$@"; echo "tar: the moon is full" >&2; exit 2' },
    words: /the moon is full/,
  },
  {
    title: "tar that dies",
    programs: {
      tar: 'PATH=$REAL; case $1 in --create) tar "$@" | head -c 2000; kill -KILL $$;; *) exec tar "$@";; esac',
    },
    words: /SIGKILL/,
  },
  {
    title: "a compressor that dies",
    programs: {
      zstd: 'PATH=$REAL; case $1 in --threads*) head -c 2000 | zstd "$@"; kill -KILL $$;; *) exec zstd "$@";; esac',
    },
    words: /SIGKILL/,
  },
  {
    title: "gpg that dies",
    programs: {
      gpg: 'PATH=$REAL; case " $* " in *" --symmetric "*) head -c 100 | gpg "$@"; kill -KILL $$;; *) exec gpg "$@";; esac',
    },
    words: /137|SIGKILL/,
  },
  {
    title: "a hash that cannot be had",
    programs: { sha256sum: "cat >/dev/null; exit 1" },
    words: /sha256sum/,
  },
] as const;

suite("an archive that fails", { skip }, () => {
  for (const [index, { title, programs, words }] of failures.entries()) {
    for (const full of thorough ? [true, false] : [index % 2 === 0]) {
      const options = "gpg" in programs ? gpg : {};
      test(`by ${title}, is no ${full ? "full" : "differential"} one`, async () => {
        await using bench = await ArchiveBench.open();
        const repository = bench.repository(options);
        const held = await bench.chain(repository);
        await bench.write({ more: "more" });
        const faulty = bench.repository(options, "archives", await hostWith(bench, programs));

        await assert.rejects(bench.backup(faulty, { full }), words);

        await assertSound(bench, repository, held);
        const { snapshots } = await bench.backup(repository, { full });
        const ids = await assertSound(bench, repository, held);
        assert.equal(ids.length, 3);
        await assertTidy(bench.at("archives"), ids);
        const restored = await bench.restored(repository, snapshots[0]?.id ?? "");
        assert.equal(restored["more"], "more");
      });
    }
  }

  for (const kind of ["fail", "fail-after"] as const) {
    test(`at any of its commands (${kind}) leaves the chain as it was`, async () => {
      await using bench = await ArchiveBench.open();
      const repository = bench.repository();
      let held: readonly string[] = await bench.chain(repository);
      for (const full of [false, true]) {
        using counted = new FaultyHost(localHost(), []);
        await bench.backup(bench.repository({}, "archives", counted), { full });
        held = await assertSound(bench, repository, held);
        const asked = counted.asked.map(({ argv }) => argv[0]);

        for (const [at, program] of asked.entries()) {
          if (!thorough && at % 2 !== Number(full)) continue;
          // Stages of a pipe cannot be said to have failed after they did their work.
          const isStage = /^(tar|zstd|tee|sha256sum|sed|cat|tr)$/.test(program);
          if (kind === "fail-after" && (isStage || counted.asked[at - 1]?.argv[0] === "sed"))
            continue;
          using host = new FaultyHost(localHost(), [{ at, fault: { kind, ending: killed } }]);
          await bench.write({ counter: `${at}` });

          await assert.rejects(bench.backup(bench.repository({}, "archives", host), { full }));

          held = await assertListed(bench, repository, held);
        }
        await bench.backup(repository);
        held = await assertSound(bench, repository, held);
        await assertTidy(bench.at("archives"), held);
      }
    });
  }

  test("is repaired by a prune as well", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const held = await bench.chain(repository);
    using host = new FaultyHost(localHost(), [
      { at: namesAnArchive, fault: { kind: "fail", ending: killed } },
    ]);
    await assert.rejects(bench.backup(bench.repository({}, "archives", host), { full: true }));
    const left = (await readdir(bench.at("archives"))).filter((file) =>
      isLeftover(file, new Set(held)),
    );

    const { freedBytes = 0 } = await repository.prune(work);

    assert.equal(left.length, 3, left.join());
    assert.ok(freedBytes > 0);
    await assertTidy(bench.at("archives"), await assertSound(bench, repository, held));
  });
});

/** A disk that becomes full right before one command: everything that is free is taken by a file. */
function fullBefore(disk: string, isNow: (command: Command) => boolean): Host & { spent: boolean } {
  const host = localHost();
  const fill = (commands: readonly Command[]): void => {
    if (filling.spent || !commands.some(isNow)) return;
    filling.spent = true;
    const words = [
      "-c",
      'dd if=/dev/zero "of=$1/filler" bs=1 count=0 2>/dev/null; cat /dev/zero 2>/dev/null >>"$1/filler"; true',
    ];
    execFileSync("sh", [...words, "sh", disk], { stdio: "ignore" });
  };
  const filling: Host & { spent: boolean } = {
    ...host,
    spent: false,
    run: async (command, ...rest) => {
      fill([command]);
      return await host.run(command, ...rest);
    },
    pipe: async (commands, ...rest) => {
      fill(commands);
      return await host.pipe(commands, ...rest);
    },
  };
  return filling;
}

const places = [
  {
    title: "the archive",
    full: true,
    isNow: ({ argv }: Command) => argv[0] === "tee",
    size: "1m",
  },
  {
    title: "the copy of the state",
    full: false,
    isNow: ({ argv }: Command) => argv[0] === "sed",
    size: "1m",
  },
  {
    title: "the manifest",
    full: true,
    isNow: ({ argv }: Command) =>
      argv.some((word) => word.includes("new.manifest")) && argv[0] === "dd",
    size: "1m",
  },
] as const;

async function smallDisk(bench: ArchiveBench, size: string) {
  const disk = bench.at("disk");
  await mkdir(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk]);
  return { disk, [Symbol.dispose]: () => void execFileSync("umount", [disk]) };
}

suite("a disk that is full", { skip: skip || withoutDisks("ext4") }, () => {
  for (const { title, full, isNow, size } of places) {
    test(`when ${title} is written, leaves the chain as it was`, async () => {
      await using bench = await ArchiveBench.open();
      using small = await smallDisk(bench, size);
      const repository = bench.repository({}, "disk/archives");
      const held = await bench.chain(repository);
      const host = fullBefore(small.disk, isNow);

      const failing = bench.backup(bench.repository({}, "disk/archives", host), { full });
      await assert.rejects(failing, withCode("repository-full"));

      assert.ok(host.spent);
      await assertSound(bench, repository, held);
      await rm(join(small.disk, "filler"));
      await bench.backup(repository, { full });
      const ids = await assertSound(bench, repository, held);
      assert.equal(ids.length, 3);
      await assertTidy(bench.at("disk/archives"), ids);
    });
  }

  test("when tar writes its state, leaves the chain as it was", async () => {
    await using bench = await ArchiveBench.open();
    using _ = await smallDisk(bench, "300k");
    const repository = bench.repository({}, "disk/archives");
    const held = await bench.chain(repository);
    // Little to archive, once compressed, and much to write down.
    const names = Array.from({ length: 2000 }, (_each, index) => [
      `${"x".repeat(220)}${index}`,
      "",
    ]);
    await bench.write(Object.fromEntries(names));

    await assert.rejects(bench.backup(repository, { full: true }), (error) => {
      assert.ok(withCode("repository-full")(error));
      assert.ok(error instanceof Error && error.cause instanceof CommandFailed);
      // What is left of the archive may have found the disk full in the same moment.
      assert.match(error.cause.result.stderr, /new\.(snar|archive)/);
      return true;
    });

    await assertSound(bench, repository, held);
    for (const [name = ""] of names) await rm(join(bench.source, name));
    await bench.backup(repository, { full: true });
    await assertTidy(bench.at("disk/archives"), await assertSound(bench, repository, held));
  });

  test("when a copy is received, is gone on with when there is room again", async () => {
    await using bench = await ArchiveBench.open();
    using small = await smallDisk(bench, "700k");
    const repository = bench.repository({ compress: "none" });
    await bench.write({ large: "x".repeat(250_000) });
    const held = await bench.chain(repository);
    const further = bench.repository({ compress: "none" }, "disk/further");
    await further.init(work.signal);
    execFileSync("dd", [
      "if=/dev/zero",
      `of=${small.disk}/filler`,
      "bs=1k",
      "count=550",
      "status=none",
    ]);
    const copy = async () =>
      await further.copy(
        repository,
        { job: { name: "job", paths: [] }, snapshots: await bench.listed(repository) },
        work,
      );

    await assert.rejects(copy(), withCode("repository-full"));

    assert.deepEqual(await bench.listed(further), []);
    await rm(join(small.disk, "filler"));
    const { copied } = await copy();
    assert.equal(copied.length, 2);
    await assertTidy(bench.at("disk/further"), await assertSound(bench, further, held));
  });
});

suite("archives that were harmed", { skip }, () => {
  test("a differential one whose full one is gone is a problem, and the next one is full", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const [full, differential] = await bench.chain(repository);
    await rm(bench.at("archives", `${full}.tar.zst`));

    const { problems } = await repository.check({}, work);
    const target = bench.at("target");
    const restoring = repository.restore({ snapshot: differential, include: [], target }, work);

    await assert.rejects(restoring, withCode("snapshot-missing"));
    assert.match(problems.join("\n"), /its full archive .* is gone/);
    const { snapshots } = await bench.backup(repository);
    assert.equal(snapshots[0]?.kind, "full");
    assert.equal(
      (await bench.listed(repository)).length,
      2,
      "it is still there for whoever finds the full one",
    );
  });

  test("a copy that was cut short afterwards is not listed, and is received again", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const further = bench.repository({}, "further");
    const held = await bench.chain(repository);
    await further.init(work.signal);
    const snapshots = await bench.listed(repository);
    const request = { job: { name: "job", paths: [] }, snapshots };
    await further.copy(repository, request, work);
    await truncate(bench.at("further", `${held[1]}.tar.zst`), 50);
    const listed = await bench.listed(further);
    await further.prune(work);
    const { problems } = await further.check({}, work);

    const { copied } = await further.copy(repository, request, work);

    assert.deepEqual(
      listed.map(({ id }) => id),
      held.slice(0, 1),
    );
    assert.match(problems.join("\n"), /has 50 bytes instead of \d+: it cannot be restored/);
    assert.deepEqual(copied, [{ from: held[1], id: held[1] }]);
    await assertSound(bench, further, held);
  });

  test("what arrived otherwise than it was sent is received again, and never listed", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const held = await bench.chain(repository);
    // The first time something is lost on the way; the shell passes everything on after that.
    const script = `PATH=$REAL; case "$*" in *receiving-*.tar.*)
      if [ ! -e "${bench.at("lost")}" ]; then : >"${bench.at("lost")}"; head -c 60 | dd "$@"; cat >/dev/null; exit 0; fi;; esac; exec dd "$@"`;
    const host = await hostWith(bench, { dd: script });
    const further = bench.repository({}, "further", host);
    const from = bench.repository({}, "archives", host);
    const snapshots = await bench.listed(from);
    await further.init(work.signal);

    await further.copy(from, { job: { name: "job", paths: [] }, snapshots }, work);

    assert.ok((await readdir(bench.folder)).includes("lost"));
    await assertTidy(bench.at("further"), await assertSound(bench, further, held));
  });
});
