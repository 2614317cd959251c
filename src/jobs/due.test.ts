import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aJob } from "../../test/support/fixtures.ts";
import { aProgram, type TestProgram } from "../../test/support/program.ts";
import type { RunEnd, Trigger } from "../journal/journal.ts";
import { defaultRetryMs } from "../policy/retry.ts";
import {
  awaitsVolume,
  dueNow,
  isOverdue,
  nextDue,
  nextWish,
  noteSchedule,
  retriesExhausted,
} from "./due.ts";

const nightly = aJob({
  schedule: { kind: "cron", cron: "0 2 * * *", timezone: "UTC" },
  retryMs: defaultRetryMs,
});

/** Lets a run of the job happen at a time, as a daemon would have written it down. */
function happened(
  { program, clock }: TestProgram,
  at: string,
  run: { readonly trigger?: Trigger; readonly end?: Partial<RunEnd> } = {},
): void {
  clock.now = new Date(at);
  const { id } = program.journal.startRun(nightly.name, run.trigger ?? "schedule");
  program.journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [], ...run.end });
}

const failed = { outcome: "failure", code: "repository-locked" } as const;

async function started(at: string): Promise<TestProgram> {
  const world = await aProgram({ jobs: [nightly], now: new Date(at) });
  noteSchedule(world.program, nightly);
  return world;
}

suite("a scheduled job", () => {
  test("that nobody has seen before waits for its first time", async () => {
    await using world = await started("2026-03-14T12:00:00Z");

    assert.deepEqual(nextWish(world.program, nightly), {
      at: new Date("2026-03-15T02:00:00Z"),
      trigger: "schedule",
    });
    assert.deepEqual(dueNow(world.program, [nightly]), []);
  });

  test("is due at its time, and no more once it was started", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    world.clock.now = new Date("2026-03-15T02:00:10Z");
    assert.equal(dueNow(world.program, [nightly])[0]?.wish.trigger, "schedule");

    happened(world, "2026-03-15T02:00:10Z");

    assert.deepEqual(dueNow(world.program, [nightly]), []);
    assert.deepEqual(nextDue(world.program, nightly), new Date("2026-03-16T02:00:00Z"));
  });

  test("is caught up once when the machine slept through several of its times", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    world.clock.now = new Date("2026-03-18T09:00:00Z");

    assert.equal(dueNow(world.program, [nightly])[0]?.wish.trigger, "catch-up");

    happened(world, "2026-03-18T09:00:00Z", { trigger: "catch-up" });
    assert.deepEqual(nextDue(world.program, nightly), new Date("2026-03-19T02:00:00Z"));
  });

  test("is not cancelled by a run by hand in the evening before", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-14T22:00:00Z", { trigger: "command" });
    world.clock.now = new Date("2026-03-15T02:00:00Z");

    assert.equal(dueNow(world.program, [nightly]).length, 1);
  });

  test("by interval does not count from a prune by hand", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    const often = aJob({ schedule: { kind: "interval", everyMs: 6 * 3_600_000 } });
    happened(world, "2026-03-14T12:00:00Z");

    happened(world, "2026-03-14T13:00:00Z", { trigger: "command", end: { withoutBackup: true } });

    assert.deepEqual(nextDue(world.program, often), new Date("2026-03-14T18:00:00Z"));
  });

  test("is not forgotten behind many runs by hand", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z");

    for (let minute = 0; minute < 50; minute += 1) {
      happened(world, `2026-03-15T03:${String(minute).padStart(2, "0")}:00Z`, {
        trigger: "command",
      });
    }

    assert.deepEqual(nextDue(world.program, nightly), new Date("2026-03-16T02:00:00Z"));
  });

  test("by interval counts from a run by hand as well", async () => {
    const often = { ...nightly, schedule: { kind: "interval", everyMs: 6 * 3_600_000 } } as const;
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-14T22:00:00Z", { trigger: "command" });

    assert.deepEqual(nextDue(world.program, often), new Date("2026-03-15T04:00:00Z"));
  });

  test("without a schedule is never due", async () => {
    await using world = await started("2026-03-14T12:00:00Z");

    assert.equal(nextWish(world.program, aJob()), undefined);
    assert.equal(isOverdue(world.program, aJob()), false);
  });
});

suite("a failed job", () => {
  test("is tried again after 1, 2, 5, 10, 20, 30 and 60 minutes, then given up until its schedule", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z", { end: failed });
    const waits: number[] = [];

    for (let wish = nextWish(world.program, nightly); wish?.trigger === "retry";) {
      waits.push((wish.at.getTime() - world.clock.now.getTime()) / 60_000);
      happened(world, wish.at.toISOString(), { trigger: "retry", end: failed });
      wish = nextWish(world.program, nightly);
    }

    assert.deepEqual(waits, [1, 2, 5, 10, 20, 30, 60]);
    assert.equal(retriesExhausted(world.program, nightly), true);
    assert.deepEqual(nextDue(world.program, nightly), new Date("2026-03-16T02:00:00Z"));
  });

  test("is not tried again when trying cannot help", async () => {
    await using world = await started("2026-03-14T12:00:00Z");

    happened(world, "2026-03-15T02:00:00Z", {
      end: { outcome: "failure", code: "password-wrong" },
    });
    assert.equal(nextWish(world.program, nightly)?.trigger, "schedule");

    happened(world, "2026-03-16T02:00:00Z", { end: { outcome: "failure", code: "bug" } });
    assert.equal(nextWish(world.program, nightly)?.trigger, "schedule");
  });

  test("is not tried again when a person started it", async () => {
    await using world = await started("2026-03-14T12:00:00Z");

    happened(world, "2026-03-14T20:00:00Z", { trigger: "command", end: failed });

    assert.equal(nextWish(world.program, nightly)?.trigger, "schedule");
  });

  test("is tried again all the same when a person has pruned meanwhile", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z", { end: failed });

    happened(world, "2026-03-15T02:00:30Z", { trigger: "command", end: { withoutBackup: true } });

    assert.equal(nextWish(world.program, nightly)?.trigger, "retry");
  });

  test("is not tried again when a person has had it done since", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z", { end: failed });
    happened(world, "2026-03-15T02:00:30Z", { trigger: "command", end: failed });
    assert.equal(nextWish(world.program, nightly)?.trigger, "retry");

    happened(world, "2026-03-15T02:00:40Z", { trigger: "command" });

    assert.deepEqual(nextWish(world.program, nightly), {
      at: new Date("2026-03-16T02:00:00Z"),
      trigger: "schedule",
    });
  });

  test("is tried again at once when the clock was set back behind it", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z", { end: failed });

    world.clock.now = new Date("2026-03-15T01:00:30Z");

    assert.deepEqual(nextWish(world.program, nightly), { at: world.clock.now, trigger: "retry" });
  });

  test("starts a new series of retries with its next scheduled time", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z", { end: failed });
    happened(world, "2026-03-15T02:01:00Z", { trigger: "retry", end: failed });
    happened(world, "2026-03-16T02:00:00Z", { end: failed });

    assert.deepEqual(nextWish(world.program, nightly), {
      at: new Date("2026-03-16T02:01:00Z"),
      trigger: "retry",
    });
  });

  test("that was cut short by a dead process is tried again", async () => {
    await using world = await started("2026-03-14T12:00:00Z");

    happened(world, "2026-03-15T02:00:00Z", { end: { outcome: "interrupted" } });

    assert.equal(nextWish(world.program, nightly)?.trigger, "retry");
  });
});

suite("a job without success", () => {
  test("is overdue after twice its interval and an hour", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z");

    world.clock.now = new Date("2026-03-17T02:59:00Z");
    assert.equal(isOverdue(world.program, nightly), false);
    world.clock.now = new Date("2026-03-17T03:01:00Z");
    assert.equal(isOverdue(world.program, nightly), true);
  });

  test("is overdue although a person has pruned since", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z");
    happened(world, "2026-03-17T02:00:00Z", { trigger: "command", end: { withoutBackup: true } });

    world.clock.now = new Date("2026-03-17T03:01:00Z");

    assert.equal(isOverdue(world.program, nightly), true);
  });

  test("is overdue after what the configuration says, when it says so", async () => {
    await using world = await started("2026-03-14T12:00:00Z");
    happened(world, "2026-03-15T02:00:00Z");
    world.clock.now = new Date("2026-03-15T04:00:00Z");

    assert.equal(isOverdue(world.program, { ...nightly, overdueAfterMs: 3_600_000 }), true);
  });

  test("that has never succeeded is overdue counted from when its schedule was first seen", async () => {
    await using world = await started("2026-03-14T12:00:00Z");

    world.clock.now = new Date("2026-03-17T12:00:00Z");

    assert.equal(isOverdue(world.program, nightly), true);
  });
});

test("a job that found its drive away waits for it until a run has found it", async () => {
  await using world = await started("2026-03-14T12:00:00Z");
  happened(world, "2026-03-15T02:00:00Z", { end: { outcome: "skipped", away: true } });
  assert.equal(awaitsVolume(world.program, nightly), true);

  happened(world, "2026-03-15T09:00:00Z", { trigger: "available" });

  assert.equal(awaitsVolume(world.program, nightly), false);
  assert.deepEqual(nextDue(world.program, nightly), new Date("2026-03-16T02:00:00Z"));
});

test("a job that found its drive away waits for it no more when a person has had it done", async () => {
  await using world = await started("2026-03-14T12:00:00Z");
  happened(world, "2026-03-15T02:00:00Z", { end: { outcome: "skipped", away: true } });

  happened(world, "2026-03-15T09:00:00Z", { trigger: "command" });

  assert.equal(awaitsVolume(world.program, nightly), false);
});
