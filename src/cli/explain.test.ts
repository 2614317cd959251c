import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";
import { explanation } from "./explain.ts";
import { plain } from "./paint.ts";

const asText = { json: false, verbose: false, paint: plain };
const asJson = { ...asText, json: true };

const missing = new HoldfastError("repository-missing", 'repository "usb" does not exist', {
  hint: "create it with: holdfast init documents",
  cause: new Error("restic exited with 10: Fatal: repository does not exist", {
    cause: new Error("stat /mnt/usb: no such file or directory"),
  }),
});

suite("a failure is explained", () => {
  test("as a sentence, its causes and what to do", () => {
    assert.equal(
      explanation(missing, asText),
      [
        'error: repository "usb" does not exist',
        "cause: restic exited with 10: Fatal: repository does not exist: stat /mnt/usb: no such file or directory",
        "hint: create it with: holdfast init documents",
        "",
      ].join("\n"),
    );
  });

  test("as one line of JSON with the same fields", () => {
    const text = explanation(missing, asJson);

    assert.equal(text.indexOf("\n"), text.length - 1);
    assert.deepEqual(JSON.parse(text), {
      error: {
        code: "repository-missing",
        message: 'repository "usb" does not exist',
        hint: "create it with: holdfast init documents",
        cause:
          "restic exited with 10: Fatal: repository does not exist: stat /mnt/usb: no such file or directory",
      },
    });
  });

  test("without a cause that only says the same again", () => {
    const error = new HoldfastError("command-failed", "restic failed: no space left", {
      cause: new Error("no space left"),
    });

    assert.equal(explanation(error, asText), "error: restic failed: no space left\n");
  });

  test("with its stack only when it is a bug, or with -v", () => {
    const bug = new TypeError("x is not a function");

    assert.match(
      explanation(bug, asText),
      /^error: unexpected: x is not a function\n\s+at .*\nhint: /s,
    );
    assert.match(JSON.parse(explanation(bug, asJson)).error.cause, /^\s+at .*explain\.test/m);
    assert.doesNotMatch(explanation(missing, asText), /^\s+at /m);
    assert.match(explanation(missing, { ...asText, verbose: true }), /^\s+at /m);
  });

  test("without the secrets that stand in it", () => {
    const secret = new Secret("correct-horse-battery");
    const error = new HoldfastError("command-failed", `failed with ${secret.reveal()}`, {
      hint: `try ${secret.reveal()}`,
      cause: new Error(`because of ${secret.reveal()}`),
    });

    for (const text of [explanation(error, asText), explanation(error, asJson)]) {
      assert.doesNotMatch(text, /correct-horse/);
      assert.match(text, /\*\*\*/);
    }
  });

  test("without obeying what a file's name would command", () => {
    const error = new HoldfastError("source-missing", "there is no \u001B[2Jfile");

    assert.equal(explanation(error, asText), "error: there is no \\u{1b}[2Jfile\n");
  });
});
