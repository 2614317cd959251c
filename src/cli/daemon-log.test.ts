import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CapturedStream } from "../../test/support/captured-stream.ts";
import type { OutcomeKind } from "../journal/journal.ts";
import { tellingDaemon } from "./daemon-log.ts";
import { Output } from "./render.ts";

const usual = { json: false, quiet: false, verbose: false, color: true };
const journald = { journald: true };

function ended(outcome: OutcomeKind) {
  return {
    time: new Date(),
    run: "20261120-120000-k3f",
    job: "documents",
    event: {
      event: "run-finished",
      outcome,
      reason: "a reason",
      seconds: 0,
      snapshots: [],
      suspicious: [],
    },
  } as const;
}

suite("a daemon tells journald", () => {
  const priorities: readonly (readonly [OutcomeKind, string])[] = [
    ["success", "<6>documents: done"],
    ["skipped", "<6>documents: skipped"],
    ["warning", "<4>warning: documents: done, with warnings"],
    ["failure", "<3>error: documents: failed"],
    ["interrupted", "<3>error: documents: interrupted"],
  ];
  for (const [outcome, line] of priorities) {
    test(`of a run that ended as ${outcome}: ${line}`, () => {
      const stderr = new CapturedStream();
      const output = new Output({ stdout: new CapturedStream(), stderr, env: {} }, usual);
      using told = tellingDaemon(output, journald);

      told.listener(ended(outcome));

      assert.ok(stderr.text.startsWith(line), stderr.text);
    });
  }
});

test("a daemon with --json tells all as lines of JSON on stdout", () => {
  const [stdout, stderr] = [new CapturedStream(), new CapturedStream()];
  const output = new Output({ stdout, stderr, env: {} }, { ...usual, json: true });
  using told = tellingDaemon(output, { journald: false });

  told.say("warning", "the clock was set back");
  told.listener(ended("success"));

  const lines = stdout.text.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line): unknown => JSON.parse(line).event),
    ["daemon", "run-finished"],
  );
  assert.equal(stderr.text, "");
});
