import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { suite, test } from "node:test";
import { CapturedStream } from "../../test/support/captured-stream.ts";
import { explainFailure, invoke } from "./invoke.ts";

class Signals extends EventEmitter {
  exit(): void {
    throw new Error("nothing here may end the process");
  }
}

async function runDaemon(): Promise<void> {
  assert.fail("no daemon was asked for");
}

/** What the program would print and exit with, for command lines that reach no command. */
async function called(...words: readonly string[]) {
  const stdout = new CapturedStream();
  const stderr = new CapturedStream();
  const environment = { env: {}, home: "/nonexistent", runDaemon };
  const invocation = { words, environment, stdout, stderr, signals: new Signals() };
  const exitStatus = await invoke(invocation).catch((error: unknown) =>
    explainFailure(error, invocation),
  );
  return { exitStatus, stdout: stdout.text, stderr: stderr.text };
}

suite("a command line that cannot be understood", () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    [
      "an unknown command",
      ["snapshot"],
      "error: unknown command 'snapshot', did you mean snapshots?\nhint: see: holdfast --help\n",
    ],
    [
      "an unknown option",
      ["run", "--dryrun"],
      "error: unknown option '--dryrun', did you mean --dry-run?\nhint: see: holdfast run --help\n",
    ],
    [
      "an unknown option that nothing is like",
      ["config", "check", "--zzz"],
      "error: unknown option '--zzz'\nhint: see: holdfast config check --help\n",
    ],
    [
      "a missing argument",
      ["logs"],
      "error: missing required argument 'run'\nhint: see: holdfast logs --help\n",
    ],
    [
      "a missing target",
      ["restore", "documents"],
      "error: say where to restore to: --target or --in-place\nhint: a target must be new or empty; --in-place is for applications and btrfs subvolumes\n",
    ],
    [
      "an argument too many",
      ["volumes", "usb"],
      "error: too many arguments for 'volumes'. Expected 0 arguments but got 1: usb.\nhint: see: holdfast volumes --help\n",
    ],
    [
      "a shell that is not helped",
      ["completion", "tcsh"],
      "error: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\nhint: see: holdfast completion --help\n",
    ],
    [
      "half a command",
      ["config"],
      "error: no command is given\nhint: see: holdfast config --help\n",
    ],
    [
      "a limit that is no number",
      ["history", "--limit", "many"],
      'error: --limit must be a whole number above 0, not "many"\n',
    ],
    [
      "a part of the data that is none",
      ["check", "--read-data=lots"],
      'error: "lots" is no percentage of the data to read\nhint: write --read-data for all of it, or a part such as --read-data=5%\n',
    ],
  ];
  for (const [mistake, words, expected] of cases) {
    test(`is explained, and exits with 2: ${mistake}`, async () => {
      const { exitStatus, stdout, stderr } = await called(...words);

      assert.equal(stderr, expected);
      assert.equal(stdout, "");
      assert.equal(exitStatus, 2);
    });
  }

  test("is explained as JSON with --json, wherever it stands", async () => {
    const { exitStatus, stderr } = await called("snapshot", "--json");

    assert.deepEqual(JSON.parse(stderr), {
      error: {
        code: "usage-invalid",
        message: "unknown command 'snapshot', did you mean snapshots?",
        hint: "see: holdfast --help",
      },
    });
    assert.equal(exitStatus, 2);
  });
});

suite("help", () => {
  test("is shown without a command, and is no failure", async () => {
    const { exitStatus, stdout, stderr } = await called();

    assert.match(stdout, /^Usage: holdfast /);
    assert.equal(stderr, "");
    assert.equal(exitStatus, 0);
  });

  test("is the same by its option and by its command", async () => {
    const byOption = await called("restore", "--help");
    const byCommand = await called("help", "restore");

    assert.match(byOption.stdout, /^Usage: holdfast restore /);
    assert.deepEqual(byOption, byCommand);
    assert.equal(byOption.exitStatus, 0);
  });
});

test("the version is said by its option also beside others", async () => {
  const { exitStatus, stdout } = await called("--no-color", "--version");

  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(exitStatus, 0);
});

test("without a configuration a command says where it has looked, and exits with 2", async () => {
  const { exitStatus, stdout, stderr } = await called("status", "--config", "/nonexistent/x.yaml");

  assert.match(stderr, /^error: there is no configuration at \/nonexistent\/x\.yaml\nhint: /);
  assert.equal(stdout, "");
  assert.equal(exitStatus, 2);
});

suite("completion", () => {
  test("leaves files to the shell", async () => {
    const { stdout } = await called("complete", "--", "restore", "documents", "--target", "");

    assert.equal(stdout, ":0\n");
  });
});
