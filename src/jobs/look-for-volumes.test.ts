import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aJob } from "../../test/support/fixtures.ts";
import { aProgram, type TestProgram } from "../../test/support/program.ts";
import type { Job, PlacedRepository } from "../config/config.ts";
import type { RunEnd, Trigger } from "../journal/journal.ts";
import { dueNow, nextWish, noteSchedule } from "./due.ts";
import { lookForVolumes } from "./look-for-volumes.ts";

const drive: PlacedRepository = {
  name: "disk",
  place: { volume: "usb", path: "restic" },
  get spec() {
    return assert.fail("a repository was looked at");
  },
};

const photos = aJob({ name: "photos", schedule: { kind: "available" } });
const nightly = aJob({
  name: "nightly",
  schedule: { kind: "cron", cron: "0 2 * * *", timezone: "UTC" },
});

async function world(job: Job): Promise<TestProgram> {
  const config = { repositories: new Map([["disk", drive]]) };
  const made = await aProgram({ jobs: [job], now: new Date("2026-03-14T12:00:00Z"), config });
  noteSchedule(made.program, job);
  return made;
}

/** Looks at a time, and answers whether something has appeared. */
async function seen(place: TestProgram, job: Job, look: readonly [at: string, isThere: boolean]) {
  const [at, isThere] = look;
  place.clock.now = new Date(at);
  return await lookForVolumes(place.program, [job], async () => await Promise.resolve(isThere));
}

function ran(
  { program }: TestProgram,
  job: Job,
  run: { readonly trigger: Trigger; readonly end?: Partial<RunEnd> },
): void {
  const { id } = program.journal.startRun(job.name, run.trigger);
  program.journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [], ...run.end });
}

function dueTriggers({ program }: TestProgram, job: Job): readonly string[] {
  return dueNow(program, [job]).map(({ wish }) => wish.trigger);
}

suite("a job that runs when its volumes are there", () => {
  test("is due once for each time that they appear", async () => {
    await using place = await world(photos);
    assert.equal(await seen(place, photos, ["2026-03-14T12:00:00Z", false]), false);
    assert.deepEqual(dueTriggers(place, photos), []);

    assert.equal(await seen(place, photos, ["2026-03-14T13:00:00Z", true]), true);
    assert.deepEqual(dueTriggers(place, photos), ["available"]);
    ran(place, photos, { trigger: "available" });

    assert.equal(await seen(place, photos, ["2026-03-14T14:00:00Z", true]), false);
    assert.deepEqual(dueTriggers(place, photos), []);
    await seen(place, photos, ["2026-03-14T15:00:00Z", false]);
    assert.equal(await seen(place, photos, ["2026-03-14T16:00:00Z", true]), true);
    assert.deepEqual(dueTriggers(place, photos), ["available"]);
  });

  test("is not due any more when a person has run it since they appeared", async () => {
    await using place = await world(photos);
    await seen(place, photos, ["2026-03-14T13:00:00Z", true]);

    ran(place, photos, { trigger: "command" });

    assert.deepEqual(dueTriggers(place, photos), []);
  });

  test("is not due any more when they have gone again before it could start", async () => {
    await using place = await world(photos);
    await seen(place, photos, ["2026-03-14T13:00:00Z", true]);

    await seen(place, photos, ["2026-03-14T13:01:00Z", false]);

    assert.deepEqual(dueTriggers(place, photos), []);
    assert.equal(nextWish(place.program, photos), undefined);
  });

  test("is tried again after a failure that may pass", async () => {
    const again = { ...photos, retryMs: [60_000] };
    await using place = await world(again);
    await seen(place, again, ["2026-03-14T13:00:00Z", true]);

    ran(place, again, {
      trigger: "available",
      end: { outcome: "failure", code: "repository-locked" },
    });

    assert.deepEqual(nextWish(place.program, again), {
      at: new Date("2026-03-14T13:01:00Z"),
      trigger: "retry",
    });
  });

  test("is not started over and over where it finds away what was seen", async () => {
    await using place = await world(photos);
    await seen(place, photos, ["2026-03-14T13:00:00Z", true]);
    ran(place, photos, { trigger: "available", end: { outcome: "skipped", away: true } });

    const news = await seen(place, photos, ["2026-03-14T13:01:00Z", true]);

    assert.equal(news, false);
    assert.deepEqual(dueTriggers(place, photos), []);
  });

  test("waits for the volumes of its copies when it needs no others", async () => {
    const toCopy = { ...photos, repository: "here", copies: ["disk"] };
    await using place = await world(toCopy);
    const here: PlacedRepository = {
      name: "here",
      place: { path: "/srv/here" },
      get spec() {
        return drive.spec;
      },
    };
    const repositories = new Map([
      ["here", here],
      ["disk", drive],
    ]);
    const program = { ...place.program, config: { ...place.program.config, repositories } };
    const looked: string[] = [];

    await lookForVolumes(program, [toCopy], async (name) => {
      looked.push(name);
      return await Promise.resolve(true);
    });

    assert.deepEqual(looked, ["usb"]);
  });
});

suite("a job with times of its own that found its drive away", () => {
  const away = { outcome: "skipped", away: true } as const;

  test("is due when the drive is seen, also long after the last time that it was", async () => {
    await using place = await world(nightly);
    ran(place, nightly, { trigger: "schedule", end: away });
    await seen(place, nightly, ["2026-03-14T13:00:00Z", true]);
    ran(place, nightly, { trigger: "available" });
    ran(place, nightly, { trigger: "schedule", end: away });
    assert.deepEqual(dueTriggers(place, nightly), []);

    const news = await seen(place, nightly, ["2026-03-14T14:00:00Z", true]);

    assert.equal(news, true);
    assert.deepEqual(dueTriggers(place, nightly), ["available"]);
  });

  test("is not looked for while it waits for nothing", async () => {
    await using place = await world(nightly);
    ran(place, nightly, { trigger: "schedule" });

    const news = await lookForVolumes(place.program, [nightly], () => assert.fail("a look"));

    assert.equal(news, false);
  });
});
