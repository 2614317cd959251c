import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aJob } from "../../test/support/fixtures.ts";
import {
  absenceOf,
  endedUpstream,
  hindranceOf,
  inOrderOfReading,
  plannedUpstream,
  upstreamsOf,
} from "./order.ts";

const photos = aJob({ name: "photos", repository: "relay", copies: ["second"] });
const archive = aJob({ name: "archive", repository: "archive", reads: ["second", "relay"] });
const far = aJob({ name: "far", repository: "far", reads: ["archive"] });
const letters = aJob({ name: "letters", repository: "letters" });
const jobs = new Map([far, letters, archive, photos].map((job) => [job.name, job]));
const upstream = { job: "photos", repository: "relay" };

suite("which jobs read which", () => {
  test("follows from repositories and copies", () => {
    assert.deepEqual(upstreamsOf(jobs, archive), [
      { job: "photos", repository: "second" },
      { job: "photos", repository: "relay" },
    ]);
    assert.deepEqual(upstreamsOf(jobs, photos), []);
  });

  test("puts jobs behind those they read, and leaves the others where they are", () => {
    assert.deepEqual(inOrderOfReading(jobs, [...jobs.keys()]), [
      "photos",
      "archive",
      "far",
      "letters",
    ]);
    assert.deepEqual(inOrderOfReading(jobs, ["far", "letters", "photos"]), [
      "far",
      "letters",
      "photos",
    ]);
  });
});

suite("what follows from how an upstream job ended", () => {
  for (const [outcome, message] of [
    ["success", undefined],
    ["warning", undefined],
    ["skipped", undefined],
    ["failure", 'job "photos", whose snapshot it reads, failed'],
    ["cancelled", 'job "photos", whose snapshot it reads, was cancelled'],
    ["interrupted", 'job "photos", whose snapshot it reads, was interrupted'],
  ] as const) {
    test(`${outcome}: ${message ?? "it may go on"}`, () => {
      const error = hindranceOf([endedUpstream(upstream, { outcome })]);

      assert.equal(error?.message, message);
      assert.equal(error?.code, message === undefined ? undefined : "upstream-failed");
    });
  }

  test("an empty repository is expected where its job was skipped, and only there", () => {
    const reason = "volume usb is away";
    const skipped = endedUpstream(upstream, { outcome: "skipped", reason });
    const done = endedUpstream(upstream, { outcome: "success" });

    assert.equal(
      absenceOf([skipped], "relay"),
      'there is no snapshot to read yet, and job "photos" was skipped: volume usb is away',
    );
    assert.equal(absenceOf([skipped], "second"), undefined);
    assert.equal(absenceOf([done], "relay"), undefined);
  });

  test("a dry run says what would be", () => {
    const failing = plannedUpstream(upstream, { action: "fail", reason: "no" });
    const skipping = plannedUpstream(upstream, { action: "skip", reason: "no" });

    assert.equal(
      hindranceOf([failing])?.message,
      'job "photos", whose snapshot it reads, would fail',
    );
    assert.match(absenceOf([skipping], "relay") ?? "", /would be skipped: no$/);
    assert.equal(plannedUpstream(upstream, { action: "run" }).end, "planned");
  });
});
