import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CapturedStream } from "../../test/support/captured-stream.ts";
import type { RunEvent } from "../jobs/event.ts";
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
    ["cancelled", "<4>warning: documents: cancelled"],
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

/** What a run in two steps is told with. */
function logged({ verbose = false, outcome = "success" as OutcomeKind }): readonly string[] {
  const stderr = new CapturedStream();
  const output = new Output(
    { stdout: new CapturedStream(), stderr, env: {} },
    { ...usual, verbose },
  );
  using told = tellingDaemon(output, journald);
  const { time, run, job } = ended(outcome);
  const tell = (event: RunEvent): void => told.listener({ time, run, job, event });
  tell({ event: "run-started", trigger: "catch-up" });
  tell({ event: "step-started", step: "backup", repository: "disk" });
  if (outcome === "failure") {
    tell({ event: "step-failed", step: "backup", code: "timed-out", message: "a reason" });
  }
  told.listener(ended(outcome));
  return stderr.text.trimEnd().split("\n");
}

suite("a daemon's log", () => {
  test("has one line for the start of a run, with its reason, and one for its end", () => {
    const [first = "", second = "", ...others] = logged({});

    assert.equal(first, "<6>documents: started, to make up for a time that was missed");
    assert.match(second, /^<6>documents: done/);
    assert.deepEqual(others, []);
  });

  test("tells once why a run failed", () => {
    const lines = logged({ outcome: "failure" });

    assert.equal(lines.filter((line) => line.includes("a reason")).length, 1, lines.join("\n"));
  });

  test("has the steps as well for those who want details", () => {
    assert.equal(logged({ verbose: true }).length, 3);
  });
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
