// What would cost somebody snapshots, or call something done that is not: with real repositories.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { withoutTools } from "../../test/support/tools.ts";
import { Workplace } from "../../test/support/workplace.ts";
import { checkJobs } from "./check.ts";
import { initJobs } from "./init.ts";
import { restoreJob } from "./restore.ts";
import { timeline } from "./timeline.ts";

const options = { skip: withoutTools("restic"), concurrency: 2 };
const { signal } = new AbortController();

const disk = { engine: "restic", at: "FOLDER/disk", password: { file: "FOLDER/password" } };
const usb = { engine: "restic", at: "usb:restic", password: { file: "FOLDER/password" } };
const documents = { sources: ["FOLDER/data"], repository: "disk" };

/** Runs restic as another program on this machine would, and answers with what it says. */
function restic(place: Workplace, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("restic", ["--repo", place.at("disk"), ...args], {
    encoding: "utf8",
    env: {
      ...process.env,
      RESTIC_PASSWORD_FILE: place.at("password"),
      XDG_CACHE_HOME: place.at("cache"),
    },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** One job with a copy on a volume, whose first run is yet to come. */
async function withCopy(job: object = {}): Promise<Workplace> {
  const program = "FOLDER/restic";
  const place = await Workplace.open({
    volumes: { usb: { path: "FOLDER/usb" } },
    repositories: { disk: { ...disk, program }, usb: { ...usb, program } },
    jobs: { documents: { ...documents, copies: ["usb"], ...job } },
  });
  await impair(place, "");
  await initJobs(place.program, ["documents"], signal);
  return place;
}

/** Makes the restic of a place do something else where its arguments fit this branch of `case`. */
async function impair(place: Workplace, branch: string): Promise<void> {
  const script = `#!/bin/sh\ncase " $* " in\n${branch}\nesac\nexec restic "$@"\n`;
  await writeFile(place.at("restic"), script, { mode: 0o700 });
}

/** Damages one file of a repository, without changing its size. Answers with how to undo that. */
async function damage(data: string): Promise<() => Promise<void>> {
  const files = await readdir(data, { recursive: true, withFileTypes: true });
  const [pack] = files.filter((file) => file.isFile());
  if (pack === undefined) throw new Error(`${data} holds no files`);
  const path = join(pack.parentPath, pack.name);
  const { size, mode } = await stat(path);
  await chmod(path, 0o600);
  const content = await readFile(path);
  await writeFile(
    path,
    content.map((byte, index) => (index < size / 2 ? byte ^ 1 : byte)),
  );
  return async () => {
    await writeFile(path, content);
    await chmod(path, mode);
  };
}

suite("forgetting alone", options, () => {
  test("leaves alone what another program made of some of the job's paths", async () => {
    await using place = await Workplace.open({
      volumes: { usb: { path: "FOLDER/usb" } },
      repositories: { disk },
      jobs: {
        documents: { ...documents, sources: ["FOLDER/data", "usb:pictures"], keep: { last: 1 } },
      },
    });
    await mkdir(place.at("usb/pictures"));
    await writeFile(place.at("usb/pictures/one"), "a photo");
    await initJobs(place.program, ["documents"], signal);
    for (let round = 0; round < 2; round += 1) restic(place, "backup", place.at("data"));

    const result = await place.runOne({ verbs: new Set(["forget"]) });

    assert.equal(result.outcome, "success", result.reason);
    assert.equal(JSON.parse(restic(place, "snapshots", "--json")).length, 2);
  });
});

suite("what counts as proven", options, () => {
  test("is no snapshot that lacks files, nor its copy: the whole one before it stays", async () => {
    await using place = await withCopy({ keep: { last: 1 } });
    const whole = await place.runOne();
    await impair(place, '*" backup "*) command restic "$@"; exit 3;;');

    const lacking = await place.runOne();
    await place.run();

    assert.equal(lacking.outcome, "warning", lacking.reason);
    const left = (await timeline(place.program, { jobs: ["documents"] }, { signal })).entries;
    const proven = left.filter(({ verified }) => verified !== undefined).map(({ id }) => id);
    assert.deepEqual(proven.toSorted(), whole.snapshots.map(({ id }) => id).toSorted());
    assert.equal(left.length, 4, "the newest and the whole one, in both repositories");
  });

  test("is no copy that the further repository does not list", async () => {
    await using place = await withCopy();
    await impair(place, '*" copy "*) exit 0;;');

    const result = await place.runOne();

    assert.deepEqual([result.outcome, result.code], ["failure", "evidence-missing"]);
  });
});

suite("damage that was found by reading data", options, () => {
  test("still counts after a check that reads less, until one reads all", async () => {
    await using place = await Workplace.open({ repositories: { disk }, jobs: { documents } });
    await initJobs(place.program, ["documents"], signal);
    await place.run();
    const check = async (readData?: string) =>
      await checkJobs(
        place.program,
        { jobs: ["documents"], ...(readData === undefined ? {} : { readData }) },
        { signal, progress: () => {} },
      );
    const mend = await damage(place.at("disk/data"));
    assert.equal((await check("100%"))[0]?.ok, false);
    await mend();

    const [shallow] = await check();
    const [whole] = await check("100%");

    assert.equal(shallow?.ok, false);
    assert.match(shallow.problems[0] ?? "", /an earlier check that read data back found/);
    assert.equal(whole?.ok, true);
    assert.equal((await check())[0]?.ok, true);
  });
});

suite("init", options, () => {
  test("makes no further repository before the first one is there to share data with", async () => {
    await using place = await Workplace.open({
      volumes: { usb: { path: "FOLDER/usb" } },
      repositories: { disk, usb },
      jobs: { documents: { ...documents, repository: "usb", copies: ["disk"] } },
    });
    await rename(place.at("usb"), place.at("unplugged"));

    const reports = await initJobs(place.program, ["documents"], signal);
    await rename(place.at("unplugged"), place.at("usb"));
    const later = await initJobs(place.program, ["documents"], signal);

    assert.ok(reports.every(({ created, away }) => !created && away));
    assert.ok(later.every(({ created }) => created));
  });
});

suite("hooks", options, () => {
  test("after a run are all run when one fails, which does not hide why the run failed", async () => {
    await using place = await Workplace.open({
      repositories: { disk },
      jobs: { documents: { ...documents, hooks: { after: [["false"], ["touch", "FOLDER/b"]] } } },
    });

    const result = await place.runOne();

    assert.equal(result.code, "repository-missing");
    assert.ok((await readdir(place.folder)).includes("b"));
    assert.match(place.heard("warning")[0]?.message ?? "", /after hook false failed/);
    assert.equal(place.program.journal.openPromises().length, 1, "they are owed still");
  });

  test("on failure are run, once, also for what fails before the others begin or in them", async () => {
    const count = ["sh", "-c", "echo >> FOLDER/failures"];
    await using place = await Workplace.open({
      repositories: { disk },
      jobs: {
        early: { sources: ["FOLDER/none"], repository: "disk", hooks: { "on-failure": [count] } },
      },
    });
    await using late = await Workplace.open({
      repositories: { disk },
      jobs: { late: { ...documents, hooks: { after: [["false"]], "on-failure": [count] } } },
    });
    await initJobs(late.program, ["late"], signal);

    const results = [await place.runOne(), await late.runOne()];

    assert.deepEqual(
      results.map(({ code }) => code),
      ["source-missing", "hook-failed"],
    );
    for (const { folder } of [place, late]) {
      assert.equal(await readFile(join(folder, "failures"), "utf8"), "\n");
    }
  });
});

suite("a restore", options, () => {
  test("says when the snapshot has nothing of a name that was asked for", async () => {
    await using place = await Workplace.open({ repositories: { disk }, jobs: { documents } });
    await initJobs(place.program, ["documents"], signal);
    await place.run();
    const request = { job: "documents", snapshot: "latest", dryRun: false };

    const report = await restoreJob(
      place.program,
      { ...request, target: place.at("restored"), include: ["letter", "leter"] },
      { signal, progress: () => {} },
    );

    assert.match(report.problems.join("; "), /^leter is not in snapshot [0-9a-f]{8}$/);
  });
});
