import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { CapturedStream } from "../../test/support/captured-stream.ts";
import { Output, type OutputOptions } from "./render.ts";

const nothingSpecial: OutputOptions = { json: false, quiet: false, verbose: false, color: true };

function outputTo(
  options: Partial<OutputOptions>,
  { terminal = false, env = {} }: { terminal?: boolean; env?: Record<string, string> } = {},
) {
  const stdout = new CapturedStream({ isTTY: terminal });
  const stderr = new CapturedStream({ isTTY: terminal });
  const output = new Output({ stdout, stderr, env }, { ...nothingSpecial, ...options });
  return { stdout, stderr, output };
}

suite("output", () => {
  test("puts what was asked for on stdout and messages on stderr", () => {
    const { output, stdout, stderr } = outputTo({});

    output.text("data\n");
    output.message("going on");
    output.warning("unwise", "do better");

    assert.equal(stdout.text, "data\n");
    assert.equal(stderr.text, "going on\nwarning: unwise\nhint: do better\n");
  });

  test("is quiet but for data and errors", () => {
    const { output, stdout, stderr } = outputTo({ quiet: true });

    output.text("data\n");
    output.message("going on");
    output.warning("unwise");
    output.error(new HoldfastError("source-missing", "no source"));

    assert.equal(stdout.text, "data\n");
    assert.equal(stderr.text, "error: no source\n");
  });

  test("is nothing but JSON with --json", () => {
    const { output, stdout, stderr } = outputTo({ json: true });

    output.text("data\n");
    output.message("going on");
    output.document({ jobs: [] });
    output.jsonLine({ event: "run-started" });
    output.warning("unwise");

    assert.equal(
      stdout.text,
      '{\n  "version": 1,\n  "jobs": []\n}\n{"version":1,"event":"run-started"}\n',
    );
    assert.deepEqual(JSON.parse(stderr.text), { warning: { message: "unwise" } });
  });

  test("tells details only to those who want them", () => {
    const few = outputTo({});
    const many = outputTo({ verbose: true });

    few.output.detail("more");
    many.output.detail("more");

    assert.equal(few.stderr.text, "");
    assert.equal(many.stderr.text, "more\n");
  });

  test("goes on without a reader that has seen enough", async () => {
    const { output, stdout, stderr } = outputTo({});

    output.text("some ");
    stdout.fail(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    output.text("data\n");
    output.message("going on");

    assert.equal(stdout.text, "some ");
    assert.equal(stderr.text, "going on\n");
    assert.equal(await output.exitStatus(0), 0);
  });

  test("says when its data could not be written", async () => {
    const { output, stdout, stderr } = outputTo({});

    output.text("data\n");
    stdout.fail(Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" }));

    assert.match(
      stderr.text,
      /^error: standard output cannot be written.*\ncause: write ENOSPC\n$/,
    );
    assert.equal(await output.exitStatus(0), 1);
  });
});

suite("colours", () => {
  const cases: readonly (readonly [
    string,
    Partial<OutputOptions>,
    Parameters<typeof outputTo>[1],
    boolean,
  ])[] = [
    ["are used on a terminal", {}, { terminal: true }, true],
    ["are not used elsewhere", {}, { terminal: false }, false],
    ["are not used with --no-color", { color: false }, { terminal: true }, false],
    ["are not used with NO_COLOR", {}, { terminal: true, env: { NO_COLOR: "1" } }, false],
    ["are used with an empty NO_COLOR", {}, { terminal: true, env: { NO_COLOR: "" } }, true],
    ["are not used on a dumb terminal", {}, { terminal: true, env: { TERM: "dumb" } }, false],
    ["can be forced", {}, { terminal: false, env: { FORCE_COLOR: "1" } }, true],
  ];
  for (const [behaviour, options, world, expected] of cases) {
    test(behaviour, () => {
      const { output } = outputTo(options, world);

      assert.equal(output.paint.red("x") !== "x", expected);
    });
  }
});
