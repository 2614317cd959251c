import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { Secret } from "../kernel/secret.ts";
import { CommandFailed, lastWords } from "./command-failed.ts";

const result = { exitStatus: 1, stdout: "", stderr: "", truncated: false, milliseconds: 1 };

test("a failure says program, exit status and the tool's last words in one line", () => {
  const stderr =
    "reading\nFatal: unable to open config file\nIs there a repository?\n\n/srv/repo\n";

  const failure = new CommandFailed(
    { argv: ["/usr/bin/restic", "snapshots"], effect: "reads" },
    { ...result, stderr },
  );

  assert.equal(
    failure.message,
    "restic failed with exit status 1: Fatal: unable to open config file; Is there a repository?; /srv/repo",
  );
});

test("a failure says which signal it was", () => {
  const failure = new CommandFailed(
    { argv: ["restic"], effect: "reads" },
    { ...result, exitStatus: 137, signal: "SIGKILL" },
  );

  assert.equal(failure.message, "restic was ended by SIGKILL");
});

test("a failure holds no secret, wherever the tool or its arguments had it", () => {
  const secret = new Secret("open-sesame/9");

  const failure = new CommandFailed(
    {
      argv: ["restic", `--repo=rest:https://u:${encodeURIComponent(secret.reveal())}@h/`],
      effect: "reads",
    },
    { ...result, stderr: "wrong password open-sesame/9" },
  );

  assert.equal(failure.message, "restic failed with exit status 1: wrong password ***");
  assert.doesNotMatch(inspect(failure.argv) + failure.stack, /sesame/);
});

test("last words cannot move the cursor or fill the screen", () => {
  assert.equal(
    lastWords("\u001B[31mred\u001B[0m\u0007 \u009B2J"),
    "red    2J".replace("    ", "    "),
  );
  assert.equal(lastWords("x".repeat(5000)).length, 501);
});
