// A chain that the Nextcloud backup script began, with the commands that it ran, is gone on with, restored and pruned.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { ArchiveBench, gpg, passphrase, textsBelow, work } from "../../../test/support/archives.ts";
import { withCode } from "../../../test/support/engine-contract.ts";
import { withoutTools } from "../../../test/support/tools.ts";

const skip = withoutTools("tar", "pigz", "gpg", "gpgconf", "rsync");
const options = { ...gpg, compress: "gzip" } as const;
const incompressible = 2_000_000;

/** A Nextcloud's data, the folder that is staged into, and the archives. */
class Script implements AsyncDisposable {
  readonly bench: ArchiveBench;
  readonly staging: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(bench: ArchiveBench, home: string) {
    this.bench = bench;
    this.staging = bench.at("backup_tmp");
    this.#env = { ...process.env, GNUPGHOME: home };
  }

  static async open(): Promise<Script> {
    const bench = await ArchiveBench.open();
    const home = bench.at("gnupg");
    await mkdir(home, { mode: 0o700 });
    await mkdir(bench.at("archives"));
    const script = new Script(bench, home);
    await mkdir(script.staging);
    await bench.write({ "alice/large": randomBytes(incompressible), "alice/goes": "1" });
    return script;
  }

  /** Its dump, and `rsync -av --delete <source_dir> <tmp_dir>`. */
  async stage(dump: string): Promise<void> {
    execFileSync("rsync", ["-a", "--delete", this.bench.source, this.staging]);
    await writeFile(join(this.staging, "database_backup.bak"), dump);
  }

  at(file: string): string {
    return this.bench.at("archives", file);
  }

  /** `tar -C <tmp_dir> --use-compress-program="/usr/bin/pigz" -cf … --listed-incremental … .` */
  #archive(file: string, state: string): void {
    const from = ["-C", this.staging, '--use-compress-program="/usr/bin/pigz"'];
    execFileSync("tar", [
      ...from,
      "-cf",
      this.at(file),
      "--listed-incremental",
      this.at(state),
      ".",
    ]);
  }

  full(time: string): void {
    this.#archive(`${time}-full.tar.gz`, `${time}-full.snar`);
  }

  async differential(time: string, base: string): Promise<void> {
    await copyFile(this.at(`${base}-full.snar`), this.at(`${base}-full.snar.copy`));
    this.#archive(`${time}-differential.tar.gz`, `${base}-full.snar.copy`);
    await rm(this.at(`${base}-full.snar.copy`));
  }

  /** `gpg --batch --yes --cipher-algo AES256 --passphrase <pw> -o <f>.gpg -c <f>`, and the file in clear is removed. */
  async encrypt(file: string): Promise<void> {
    const how = ["--batch", "--yes", "--cipher-algo", "AES256", "--passphrase", passphrase];
    execFileSync("gpg", [...how, "-o", `${this.at(file)}.gpg`, "-c", this.at(file)], {
      env: this.#env,
      stdio: "pipe",
    });
    await rm(this.at(file));
  }

  /** By hand, into a new folder. */
  async restoredByHand(files: readonly string[]): Promise<Record<string, string>> {
    const target = await mkdtemp(this.bench.at("by-hand-"));
    await writeFile(this.bench.at("passphrase"), passphrase);
    const script =
      'gpg --batch --pinentry-mode loopback --passphrase-file "$1" --decrypt "$2" | tar -x -z --listed-incremental=/dev/null -C "$3"';
    for (const file of files) {
      const words = ["-c", script, "sh", this.bench.at("passphrase"), this.at(file), target];
      const { status, stderr } = spawnSync("sh", words, { encoding: "utf8", env: this.#env });
      assert.equal(status, 0, stderr);
    }
    return await textsBelow(target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync("gpgconf", ["--kill", "gpg-agent"], { env: this.#env });
    await this.bench[Symbol.asyncDispose]();
  }
}

/** The name of an hour some days ago, as the script writes it. */
function hourOf(daysAgo: number): string {
  const time = new Date(Date.now() - daysAgo * 24 * 3_600_000);
  const parts = [time.getMonth() + 1, time.getDate(), time.getHours()];
  return [time.getFullYear(), ...parts.map((part) => String(part).padStart(2, "0"))].join("-");
}

suite("a chain of the Nextcloud backup script", { skip }, () => {
  test("is gone on with in the same staging folder: only what changed is archived, and all is restored", async () => {
    await using script = await Script.open();
    const { bench, staging } = script;
    await script.stage("dump 1");
    script.full(hourOf(2));
    await script.encrypt(`${hourOf(2)}-full.tar.gz`);
    await bench.write({ "alice/second": "second" });
    await script.stage("dump 2");
    await script.differential(hourOf(1), hourOf(2));
    await script.encrypt(`${hourOf(1)}-differential.tar.gz`);
    await bench.write({ "alice/third": "third" });
    await rm(join(bench.source, "alice/goes"));
    await script.stage("dump 3");
    await writeFile(join(staging, "holdfast-nextcloud.json"), "{}");
    // The large file was staged a while before the full archive was begun, as large files are.
    await bench.postpone(`${hourOf(2)}-full`, 3);
    const later = new Date(Date.now() + 3_600_000).toISOString();
    for (const name of ["source/alice/third", "database_backup.bak", "holdfast-nextcloud.json"]) {
      execFileSync("touch", ["-d", later, join(staging, name)]);
    }
    const repository = bench.repository(options);

    const { snapshots, evidence } = await bench.backup(repository, {
      root: staging,
      paths: [staging],
    });

    const listed = await bench.listed(repository);
    const [made] = snapshots;
    assert.equal(made?.kind, "differential");
    assert.equal(made?.base, `${hourOf(2)}-full`);
    assert.deepEqual(
      listed.map(({ kind, series }) => [kind, series]),
      [
        ["full", "archives"],
        ["differential", "archives"],
        ["differential", "archives"],
      ],
    );
    const file = `${made?.id}.tar.gz.gpg`;
    assert.ok(
      (await stat(script.at(file))).size < incompressible / 10,
      "the large file is not in it",
    );
    assert.equal((evidence.notes ?? []).length, 0);
    const restored = await bench.restored(repository, made?.id ?? "", "");
    const staged = await textsBelow(staging);
    assert.deepEqual(restored, staged);
    assert.deepEqual(await script.restoredByHand([`${hourOf(2)}-full.tar.gz.gpg`, file]), staged);
    const second = await bench.restored(repository, `${hourOf(1)}-differential`, "");
    assert.equal(second["database_backup.bak"], "dump 2");
    const target = bench.at("part");
    const include = ["source/alice"];
    const part = await repository.restore({ snapshot: made?.id ?? "", include, target }, work);
    assert.deepEqual(part.problems, []);
    assert.deepEqual(Object.keys(await textsBelow(join(target, "source/alice"))).toSorted(), [
      "large",
      "second",
      "third",
    ]);
    const { problems } = await repository.check({ readData: "100%" }, work);
    assert.deepEqual(problems, []);
  });

  for (const [name, change] of [
    ["of another folder", { elsewhere: true }],
    ["of which a path is not backed up any more", { without: "database_backup.bak" }],
    ["when nothing says as seen from where", { rootless: true }],
  ] as const) {
    test(`${name} is not gone on with, and that is said`, async () => {
      await using script = await Script.open();
      const { bench, staging } = script;
      await script.stage("dump 1");
      script.full(hourOf(1));
      const elsewhere = bench.at("elsewhere");
      execFileSync("cp", ["-a", staging, elsewhere]);
      const repository = bench.repository({ compress: "gzip" });
      const root = "elsewhere" in change ? elsewhere : staging;
      const paths = "without" in change ? [join(root, "source")] : [root];

      const { snapshots, evidence } = await bench.backup(repository, {
        paths,
        ...("rootless" in change ? {} : { root }),
      });

      assert.equal(snapshots[0]?.kind, "full");
      assert.match(evidence.notes?.join("\n") ?? "", new RegExp(`because ${hourOf(1)}-full `));
    });
  }

  test("is gone on with where each path is named", async () => {
    await using script = await Script.open();
    const { bench, staging } = script;
    await script.stage("dump 1");
    script.full(hourOf(1));
    await writeFile(join(staging, "more"), "more");
    const repository = bench.repository({ compress: "gzip" });
    const paths = ["database_backup.bak", "source", "more"].map((name) => join(staging, name));

    const { snapshots } = await bench.backup(repository, { root: staging, paths });

    assert.equal(snapshots[0]?.kind, "differential");
    const restored = await bench.restored(repository, snapshots[0]?.id ?? "", "");
    assert.deepEqual(restored, await textsBelow(staging));
  });

  test("is not gone on with under another passphrase", async () => {
    await using script = await Script.open();
    const { bench, staging } = script;
    await script.stage("dump 1");
    script.full(hourOf(1));
    await script.encrypt(`${hourOf(1)}-full.tar.gz`);
    const other = bench.repository({ ...options, encrypt: { gpg: { passphrase: "another" } } });
    const held = await readdir(bench.at("archives"));

    await assert.rejects(
      bench.backup(other, { root: staging, paths: [staging] }),
      withCode("password-wrong"),
    );

    assert.deepEqual(await readdir(bench.at("archives")), held);
  });

  test("is listed by name, whatever the times of its files, and in its order within one hour", async () => {
    await using script = await Script.open();
    const { bench } = script;
    await script.stage("dump 1");
    script.full("2026-02-14-03");
    await script.differential("2026-02-14-03", "2026-02-14-03");
    await script.differential("2026-02-15-03", "2026-02-14-03");
    script.full("2026-02-21-03");
    execFileSync("touch", ["-d", "2030-01-01", script.at("2026-02-14-03-full.tar.gz")]);

    const listed = await bench.listed(bench.repository({ compress: "gzip" }));

    assert.deepEqual(
      listed.map(({ id, base }) => [id, base]),
      [
        ["2026-02-14-03-full", undefined],
        ["2026-02-14-03-differential", "2026-02-14-03-full"],
        ["2026-02-15-03-differential", "2026-02-14-03-full"],
        ["2026-02-21-03-full", undefined],
      ],
    );
  });

  test("counts an archive in clear and encrypted once, and what was being encrypted not at all", async () => {
    await using script = await Script.open();
    const { bench } = script;
    const repository = bench.repository(options);
    await script.stage("dump 1");
    script.full("2026-02-14-03");
    script.full("2026-02-21-03");
    await copyFile(script.at("2026-02-14-03-full.tar.gz"), bench.at("aside"));
    await script.encrypt("2026-02-14-03-full.tar.gz");
    await rename(bench.at("aside"), script.at("2026-02-14-03-full.tar.gz"));
    await writeFile(script.at("2026-02-21-03-full.tar.gz.gpg.part"), "half");
    await writeFile(script.at("2026-02-21-03-full.snar.copy"), "copy");
    await writeFile(script.at("notes.part"), "somebody's");

    const listed = await bench.listed(repository);
    const restored = await bench.restored(repository, "2026-02-14-03-full", "");
    await repository.forget(["2026-02-14-03-full"], work);
    await repository.prune(work);

    assert.deepEqual(
      listed.map(({ id }) => id),
      ["2026-02-14-03-full", "2026-02-21-03-full"],
    );
    assert.equal(restored["database_backup.bak"], "dump 1");
    assert.deepEqual((await readdir(bench.at("archives"))).toSorted(), [
      "2026-02-21-03-full.snar",
      "2026-02-21-03-full.tar.gz",
      "notes.part",
    ]);
  });

  test("is copied whole where a copy broke off without a trace", async () => {
    await using script = await Script.open();
    const { bench } = script;
    const repository = bench.repository({ compress: "gzip" });
    const further = bench.repository({ compress: "gzip" }, "further");
    await script.stage("dump 1");
    script.full("2026-02-14-03");
    script.full("2026-02-21-03");
    await mkdir(bench.at("further"));
    const cut = bench.at("further", "2026-02-14-03-full.tar.gz");
    execFileSync("sh", [
      "-c",
      'head -c 1000 "$1" >"$2"',
      "sh",
      script.at("2026-02-14-03-full.tar.gz"),
      cut,
    ]);

    const snapshots = (await bench.listed(repository)).slice(1);
    await further.copy(repository, { job: { name: "job", paths: [] }, snapshots }, work);

    assert.ok(existsSync(bench.at("further", "2026-02-21-03-full.tar.gz")));
    const { problems } = await further.check({ readData: "100%" }, work);
    assert.deepEqual(problems, []);
    assert.equal(
      (await bench.restored(further, "2026-02-14-03-full", ""))["database_backup.bak"],
      "dump 1",
    );
  });
});
