// What nbkp, whose layout of folders is continued, was seen to do wrong: here is what happens instead.
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { writeTree } from "../support/backup-user.ts";
import { type Ended, holdfastProgram, newUser, type User } from "../support/holdfast.ts";
import { plugInDrive, withoutDrives } from "../support/loop-drive.ts";
import { freePort } from "../support/service.ts";
import { withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);

const options = { skip: withoutTools("rsync"), concurrency: 2 };
const isRoot = process.geteuid?.() === 0;

/** How each job of a `run --json` ended. */
function outcomes({ stdout }: Ended): Readonly<Record<string, string>> {
  const ends = stdout
    .split("\n")
    .filter((line) => line.includes('"run-finished"'))
    .map((line): unknown => JSON.parse(line));
  return Object.fromEntries(
    ends.map((event) => {
      assert.ok(
        typeof event === "object" && event !== null && "job" in event && "outcome" in event,
      );
      return [String(event.job), String(event.outcome)];
    }),
  );
}

function reasonOf({ stdout }: Ended, job: string): string {
  const line = stdout
    .split("\n")
    .find((each) => each.includes('"run-finished"') && each.includes(`"job":"${job}"`));
  return line ?? "";
}

/** A user who mirrors ~/data to ~/mirror. */
async function mirroringUser(repository: Readonly<Record<string, unknown>> = {}): Promise<User> {
  const user = await newUser();
  await writeTree(user.at("data"), { letter: "Dear reader", "photos/one": "a photo" });
  await user.configure({
    state: user.at("state"),
    repositories: { mirror: { engine: "rsync", at: user.at("mirror"), ...repository } },
    jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
  });
  await succeeds(user, "init");
  return user;
}

async function succeeds(user: User, ...words: readonly string[]): Promise<Ended> {
  const ended = await user.holdfast(...words);
  assert.equal(ended.exitStatus, 0, `${words.join(" ")}: ${ended.stderr}`);
  return ended;
}

/** A user whose camera's pictures go to a relay, and from there to a drive. */
async function chainUser(): Promise<User> {
  const user = await newUser();
  await writeTree(user.at("camera"), { "one.jpg": "a photo", ".holdfast-volume": "" });
  await writeTree(user.at("usb"), { ".holdfast-volume": "" });
  await user.configure({
    state: user.at("state"),
    volumes: { camera: { path: user.at("camera") }, usb: { path: user.at("usb") } },
    repositories: {
      relay: { engine: "rsync", at: user.at("relay") },
      usb: { engine: "rsync", at: "usb:photos" },
    },
    jobs: {
      collect: { sources: ["camera:"], repository: "relay" },
      further: { sources: [{ repository: "relay" }], repository: "usb" },
    },
  });
  await succeeds(user, "init");
  return user;
}

/** The files of the newest snapshot in a mirror. */
async function newest(mirror: string): Promise<readonly string[]> {
  return (await readdir(join(mirror, "latest"))).toSorted();
}

async function snapshotsIn(mirror: string): Promise<readonly string[]> {
  return (await readdir(join(mirror, "snapshots"))).toSorted();
}

suite("a chain of jobs", options, () => {
  test("goes on from what is there when the drive at its beginning is unplugged", async () => {
    await using user = await chainUser();
    await succeeds(user, "run", "collect");
    await rename(user.at("camera"), user.at("unplugged"));

    const ended = await user.holdfast("run", "--json");

    assert.deepEqual(outcomes(ended), { collect: "skipped", further: "success" });
    assert.equal(ended.exitStatus, 0, ended.stderr);
    assert.deepEqual(await newest(user.at("usb/photos")), ["one.jpg"]);
  });

  test("does its beginning when the drive at its end is unplugged", async () => {
    await using user = await chainUser();
    await rename(user.at("usb"), user.at("unplugged"));

    const ended = await user.holdfast("run", "--json");

    assert.deepEqual(outcomes(ended), { collect: "success", further: "skipped" });
    assert.equal(ended.exitStatus, 0, ended.stderr);
    assert.deepEqual(await newest(user.at("relay")), ["one.jpg"]);
  });

  test("says so, and fails nothing, while there is no snapshot to go on from", async () => {
    await using user = await chainUser();
    await rename(user.at("camera"), user.at("unplugged"));

    const ended = await user.holdfast("run", "--json");

    assert.deepEqual(outcomes(ended), { collect: "skipped", further: "skipped" });
    assert.equal(ended.exitStatus, 0, ended.stderr);
  });
});

suite("one job of several", options, () => {
  test("may be disabled: it is skipped, and the others run", async () => {
    const jobs = {
      documents: { sources: ["~/data"], repository: "mirror" },
      resting: { sources: ["~/data"], repository: "other", enabled: false },
    };
    await using user = await mirroringUser();
    await user.configure({
      state: user.at("state"),
      repositories: {
        mirror: { engine: "rsync", at: user.at("mirror") },
        other: { engine: "rsync", at: user.at("other") },
      },
      jobs,
    });

    const ended = await user.holdfast("run", "--json");

    assert.deepEqual(outcomes(ended), { documents: "success", resting: "skipped" });
    assert.equal(ended.exitStatus, 0, ended.stderr);
    assert.match(reasonOf(ended, "resting"), /"reason":"disabled"/);
    const doctor = await user.holdfast("doctor");
    assert.match(doctor.stdout, /away {3}job resting: is disabled/);
    assert.notEqual(doctor.exitStatus, 1, doctor.stdout);
  });

  test("may be on a machine that does not answer: it is skipped, and the others run", async () => {
    await using user = await mirroringUser();
    const port = await freePort();
    await user.configure({
      state: user.at("state"),
      hosts: {
        nas: { addresses: [{ host: "127.0.0.1", port }], user: "backup", "connect-timeout": "5s" },
      },
      volumes: { pool: { host: "nas", path: "/srv/pool" } },
      repositories: {
        mirror: { engine: "rsync", at: user.at("mirror") },
        away: { engine: "rsync", at: "pool:mirror" },
      },
      jobs: {
        documents: { sources: [user.at("data")], repository: "mirror" },
        offsite: { sources: [user.at("data")], repository: "away" },
      },
    });

    const ended = await user.holdfast("run", "--json");

    assert.deepEqual(outcomes(ended), { documents: "success", offsite: "skipped" });
    assert.equal(ended.exitStatus, 0, ended.stderr);
    const strict = await user.holdfast("run", "--strict", "offsite");
    assert.equal(strict.exitStatus, 75, strict.stderr);
    const doctor = await user.holdfast("doctor", "--json");
    assert.match(doctor.stdout, /"code":\s*"host-unreachable",\s*"severity":\s*"away"/);
    assert.doesNotMatch(doctor.stdout, /"severity":\s*"error"/);
  });
});

suite("names that do not exist", options, () => {
  test("are mistakes, of jobs as of keys, and never a success that did nothing", async () => {
    await using user = await mirroringUser();

    const job = await user.holdfast("run", "documnets");
    await user.configure({
      repositories: { mirror: { engine: "rsync", at: user.at("mirror"), "max-delet": 2 } },
      jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
    });
    const key = await user.holdfast("run");

    assert.equal(job.exitStatus, 2);
    assert.match(job.stderr, /no job "documnets".*did you mean/);
    assert.equal(key.exitStatus, 2);
    assert.match(key.stderr, /max-delet/);
  });
});

suite("a mirror", options, () => {
  test("keeps its markers whatever options replace the usual ones", async () => {
    const replaced = { options: ["-rt"], "extra-options": ["--delete-excluded"] };
    await using user = await mirroringUser({ snapshots: "none", ...replaced });
    await writeTree(user.at("mirror"), { ".nbkp-dst": "", ".holdfast-volume": "" });

    for (const letter of ["first", "second", "third"]) {
      await writeFile(user.at("data/letter"), letter);
      await succeeds(user, "run");
    }

    const names = await readdir(user.at("mirror"));
    assert.ok(names.includes(".nbkp-dst"), names.join());
    assert.ok(names.includes(".holdfast-volume"), names.join());
    assert.equal(await readFile(user.at("mirror/letter"), "utf8"), "third");
  });

  for (const snapshots of ["none", "hard-links"]) {
    test(`does not follow a source that was emptied, until told to (${snapshots})`, async () => {
      await using user = await mirroringUser({ snapshots });
      await succeeds(user, "run");
      const copy = snapshots === "none" ? user.at("mirror") : user.at("mirror/latest");
      await rm(user.at("data"), { recursive: true });
      await mkdir(user.at("data"));

      const refused = await user.holdfast("run", "--json");

      assert.deepEqual(outcomes(refused), { documents: "failure" });
      assert.equal(refused.exitStatus, 1);
      assert.match(reasonOf(refused, "documents"), /deletion-refused.*--allow-deletions/);
      assert.equal(await readFile(join(copy, "letter"), "utf8"), "Dear reader");
      const followed = await user.holdfast("run", "--allow-deletions");
      assert.ok([0, 3].includes(followed.exitStatus ?? -1), followed.stderr);
      assert.ok(!(await readdir(copy)).includes("letter"));
    });
  }

  test("is no place where a stray file stops anything", async () => {
    await using user = await mirroringUser();
    await succeeds(user, "run");
    await writeTree(user.at("mirror/snapshots"), { "lost+found/x": "", notes: "mine" });
    await writeFile(user.at("data/letter"), "changed");

    await succeeds(user, "run");

    const { stdout } = await succeeds(user, "snapshots", "--json");
    assert.equal(stdout.match(/"id":/g)?.length, 2);
    assert.equal(await readFile(user.at("mirror/snapshots/notes"), "utf8"), "mine");
    const doctor = await user.holdfast("doctor");
    assert.match(doctor.stdout, /notes/);
  });

  test("never loses `latest` while it is moved on", { skip: withoutTools("strace") }, async () => {
    await using user = await mirroringUser();
    await succeeds(user, "run");
    const before = await readlink(user.at("mirror/latest"));
    await writeFile(user.at("data/letter"), "changed");

    const calls = await tracedRun(user);

    assert.notEqual(await readlink(user.at("mirror/latest")), before);
    const latest = calls.filter((call) => call.includes('/latest"'));
    assert.ok(
      latest.some((call) => call.startsWith("rename")),
      calls.join("\n"),
    );
    assert.deepEqual(
      latest.filter((call) => !call.startsWith("rename")),
      [],
    );
  });

  test("begins where nbkp has only made its folders", async () => {
    await using user = await newUser();
    await writeTree(user.at("data"), { letter: "Dear reader" });
    await writeTree(user.at("mirror"), { ".nbkp-dst": "" });
    await mkdir(user.at("mirror/snapshots"));
    await symlink("/dev/null", user.at("mirror/latest"));
    await user.configure({
      state: user.at("state"),
      repositories: { mirror: { engine: "rsync", at: user.at("mirror") } },
      jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
    });

    await succeeds(user, "init");
    await succeeds(user, "run");

    assert.deepEqual(await newest(user.at("mirror")), ["letter"]);
    assert.match(await readlink(user.at("mirror/latest")), /^snapshots\//);
  });

  test(
    "keeps the snapshot when some files could not be read, and says which",
    { skip: withoutTools("setpriv") },
    async () => {
      await using user = await mirroringUser();
      await writeTree(user.at("data"), { "private/diary": "secret thoughts" });
      await chmod(user.at("data/private/diary"), 0);

      const ended = await runWithoutPrivileges(user);

      assert.deepEqual(outcomes(ended), { documents: "warning" }, ended.stderr);
      assert.equal(ended.exitStatus, 3);
      assert.match(reasonOf(ended, "documents"), /private\/diary/);
      assert.equal((await snapshotsIn(user.at("mirror"))).length, 1);
      assert.ok((await newest(user.at("mirror"))).includes("letter"));
    },
  );

  test("is written by one run at a time", async () => {
    await using user = await mirroringUser();
    const [inside, go] = [user.at("inside"), user.at("go")];
    const wait = `touch ${inside}; until test -e ${go}; do sleep 0.1; done`;
    const job = { sources: [user.at("data")], repository: "mirror" };
    await user.configure({
      state: user.at("state"),
      repositories: { mirror: { engine: "rsync", at: user.at("mirror") } },
      jobs: { documents: { ...job, hooks: { before: [["sh", "-c", wait]] } } },
    });
    const first = user.start(["run", "--json"]);
    await appears(inside, first.ended);

    const second = await user.holdfast("run", "--json");
    await writeFile(go, "");

    assert.equal(second.exitStatus, 11, second.stderr);
    assert.match(reasonOf(second, "documents"), /"code":"busy"/);
    assert.deepEqual(outcomes(await first.ended), { documents: "success" });
    assert.equal((await snapshotsIn(user.at("mirror"))).length, 1);
  });
});

suite("a drive", { skip: withoutTools("rsync") }, () => {
  test("may have the short id of FAT or the long one of NTFS", async () => {
    await using user = await newUser();
    for (const device of ["1A2B-3C4D", "0123456789ABCDEF"]) {
      await user.configure({
        volumes: { stick: { path: "/mnt/stick", device } },
        repositories: { mirror: { engine: "rsync", at: "stick:mirror", snapshots: "none" } },
        jobs: { documents: { sources: ["~/data"], repository: "mirror" } },
      });

      await succeeds(user, "config", "check");
      const ended = await user.holdfast("run", "--json");

      assert.deepEqual(outcomes(ended), { documents: "skipped" });
      assert.equal(ended.exitStatus, 0, ended.stderr);
    }
  });

  for (const mounted of [true, false]) {
    const what = mounted ? "was mounted before stays mounted" : "was not is unmounted again";
    test(`that ${what}`, { skip: withoutDrives() }, async (t) => {
      const drive = await plugInDrive(t);
      const path = join(drive.directory, "usb");
      await mkdir(path);
      await using user = await newUser();
      await writeTree(user.at("data"), { letter: "Dear reader" });
      await user.configure({
        state: user.at("state"),
        volumes: { usb: { path, device: drive.uuid, mount: "direct" } },
        repositories: { mirror: { engine: "rsync", at: "usb:mirror" } },
        jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
      });
      await succeeds(user, "init");
      assert.ok(!isMounted(path), "init puts back what it attached");
      if (mounted) await execute("mount", [drive.device, path]);

      const ended = await user.holdfast("run", "--json");

      assert.deepEqual(outcomes(ended), { documents: "success" }, ended.stderr);
      assert.equal(isMounted(path), mounted);
      if (!mounted) await execute("mount", [drive.device, path]);
      assert.deepEqual(await newest(join(path, "mirror")), ["letter"]);
    });
  }
});

/** Waits until a file is there, or the run that was to make it has ended. */
async function appears(path: string, run: Promise<Ended>): Promise<void> {
  let ended: Ended | undefined;
  void run.then((value) => (ended = value));
  while (!existsSync(path)) {
    assert.equal(ended, undefined, ended?.stderr);
    await delay(50);
  }
}

function isMounted(path: string): boolean {
  return spawnSync("mountpoint", ["-q", path]).status === 0;
}

/** The system calls of a run that make, move or remove names. */
async function tracedRun(user: User): Promise<readonly string[]> {
  const log = user.at("calls");
  const calls = "unlink,unlinkat,rename,renameat,renameat2,symlink,symlinkat";
  await execute(
    "strace",
    ["-f", "-qq", "-e", `trace=${calls}`, "-o", log, holdfastProgram, "run"],
    {
      env: user.environment(),
    },
  );
  const lines = (await readFile(log, "utf8")).split("\n");
  return lines.map((line) => line.replace(/^\d+ +/, "")).filter((line) => !line.includes("ENOENT"));
}

/** As a user who may not read everything, also where the tests run as root. */
async function runWithoutPrivileges(user: User): Promise<Ended> {
  const words = [holdfastProgram, "run", "--json"];
  const privileges = "--bounding-set=-dac_override,-dac_read_search";
  const [file = "", ...args] = isRoot ? ["setpriv", privileges, "--", ...words] : words;
  const child = spawn(file, args, {
    cwd: user.home,
    env: user.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { exitStatus: child.exitCode, stdout, stderr };
}
