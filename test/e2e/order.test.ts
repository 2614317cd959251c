// A chain as a user has it: photos to a relay, from there to a drive, and from the drive to an archive.
import assert from "node:assert/strict";
import { mkdir, readlink, rename, rm } from "node:fs/promises";
import { suite, test } from "node:test";
import { RunLine } from "../support/json-shapes.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const names = ["photos", "drive", "archive"];

function mirror(at: string): object {
  return { engine: "rsync", at, snapshots: "hard-links" };
}

/** A user whose first run of the chain is done, unless `begun` is false. */
async function chained({ begun = true } = {}): Promise<User> {
  const user = await newUser();
  await user.write("Pictures/one", "a photo");
  await user.write("Pictures/two", "another one");
  await mkdir(user.at("usb"));
  await user.configure({
    state: user.at("state"),
    volumes: { usb: { path: user.at("usb") } },
    repositories: {
      relay: mirror(user.at("relay")),
      drive: { engine: "rsync", at: "usb:photos", snapshots: "none" },
      archive: mirror(user.at("archive")),
    },
    // The last comes first: the order is that of reading.
    jobs: {
      archive: { sources: [{ repository: "drive" }], repository: "archive" },
      drive: { sources: [{ repository: "relay" }], repository: "drive" },
      photos: { sources: ["~/Pictures"], repository: "relay" },
    },
  });
  await ended(user, "init");
  if (begun) await ended(user, "run");
  return user;
}

async function ended(user: User, ...words: readonly string[]): Promise<string> {
  const { exitStatus, stdout, stderr } = await user.holdfast(...words);
  assert.equal(exitStatus, 0, stderr);
  return stdout;
}

/** How each job of a run ended, in the order of their ends. */
async function run(user: User) {
  const { exitStatus, stdout } = await user.holdfast("run", "--json");
  const ends = stdout
    .trim()
    .split("\n")
    .map((line) => RunLine.parse(JSON.parse(line)))
    .flatMap((line) => (line.event === "run-finished" ? [line] : []));
  return { exitStatus, ends: ends.map(({ job, outcome, code }) => [job, outcome, code] as const) };
}

async function archived(user: User, file: string): Promise<string> {
  return await user.read(`archive/${await readlink(user.at("archive/latest"))}/${file}`);
}

suite("a chain of jobs", { skip: withoutTools("rsync") }, () => {
  test("brings a change to its end in one run", async () => {
    await using user = await chained();
    await user.write("Pictures/two", "changed since");

    const { exitStatus, ends } = await run(user);

    assert.equal(exitStatus, 0);
    assert.deepEqual(
      ends.map(([job, outcome]) => [job, outcome]),
      names.map((name) => [name, "success"]),
    );
    assert.equal(await archived(user, "one"), "a photo");
    assert.equal(await archived(user, "two"), "changed since");
  });

  test("says in a dry run what the first run would read, and does nothing", async () => {
    await using user = await chained({ begun: false });

    const text = await ended(user, "run", "--dry-run");

    assert.deepEqual(
      text.split("\n").filter((line) => line.includes(": would")),
      names.map((name) => `${name}: would run`),
    );
    assert.match(text, /backup \(drive\): .*will read the snapshot that job photos makes/);
    assert.match(text, /'<the snapshot that job drive makes>\/?'/);
    await assert.rejects(
      readlink(user.at("relay/latest")).then((to) => user.read(`relay/${to}/one`)),
    );
  });

  test("is cancelled behind what has failed, and keeps what it had", async () => {
    await using user = await chained();
    await rm(user.at("Pictures"), { recursive: true });

    const { exitStatus, ends } = await run(user);

    assert.equal(exitStatus, 1);
    assert.deepEqual(ends, [
      ["photos", "failure", "source-missing"],
      ["drive", "cancelled", "upstream-failed"],
      ["archive", "cancelled", "upstream-failed"],
    ]);
    assert.equal(await archived(user, "one"), "a photo");
  });

  test("goes on behind a drive that is away, from what the relay holds", async () => {
    await using user = await chained();
    await user.write("Pictures/three", "a third one");
    await rename(user.at("usb"), user.at("usb-away"));
    const away = await run(user);
    await rename(user.at("usb-away"), user.at("usb"));

    await ended(user, "run", "drive", "archive");

    assert.equal(away.exitStatus, 0);
    assert.deepEqual(away.ends, [
      ["photos", "success", undefined],
      ["drive", "skipped", undefined],
      ["archive", "skipped", undefined],
    ]);
    assert.equal(await archived(user, "three"), "a third one");
  });

  test("reads what is there of a job that rests", async () => {
    await using user = await chained();
    const text = await user.read(".config/holdfast/holdfast.yaml");
    const configuration: { jobs: { photos: object } } = JSON.parse(text);
    Object.assign(configuration.jobs.photos, { enabled: false });
    await user.configure(configuration);

    const { exitStatus, ends } = await run(user);

    assert.equal(exitStatus, 0);
    assert.deepEqual(
      ends.map(([job, outcome]) => [job, outcome]),
      [
        ["photos", "skipped"],
        ["drive", "success"],
        ["archive", "success"],
      ],
    );
  });

  test("is drawn from its sources to its end", async () => {
    await using user = await chained({ begun: false });

    const text = await ended(user, "config", "show", "--graph");

    assert.deepEqual(text.match(/(?:^|read by  )(photos|drive|archive)$/gm), [
      "photos",
      "read by  drive",
      "read by  archive",
    ]);
  });

  test("that bites its own tail is refused with all that are in it, and its line", async () => {
    await using user = await newUser();
    const file = await user.write(
      "circle.yaml",
      `repositories:
  relay: { engine: rsync, at: ~/relay }
  drive: { engine: rsync, at: ~/drive }
jobs:
  photos: { sources: [{ repository: drive }], repository: relay }
  relay: { sources: [{ repository: relay }], repository: drive }
`,
    );

    const { exitStatus, stderr } = await user.holdfast("config", "check", "--config", file);

    assert.equal(exitStatus, 2);
    assert.match(
      stderr,
      /circle\.yaml:5:\d+: jobs\.photos\.sources\[0\]: the jobs read each other in a circle: photos → relay → photos\n/,
    );
  });
});
