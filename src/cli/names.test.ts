import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { chosen } from "./names.ts";
import { verbsOf } from "./verbs.ts";

const known = ["documents", "photos"];

suite("names on the command line", () => {
  test("mean all when none is given", () => {
    assert.deepEqual(chosen("job", [], known), known);
  });

  test("count once, in the order in which they are given", () => {
    assert.deepEqual(chosen("job", ["photos", "documents", "photos"], known), [
      "photos",
      "documents",
    ]);
  });

  test("that do not exist are an error with the one that was probably meant", () => {
    assert.throws(() => chosen("job", ["documents", "phtos"], known), {
      code: "unknown-name",
      message: 'there is no job "phtos", did you mean "photos"?',
      hint: "there are: documents, photos",
    });
  });

  test("that are like nothing are an error with those that exist", () => {
    assert.throws(() => chosen("notifier", ["pager"], []), {
      message: 'there is no notifier "pager"',
      hint: "there are no notifiers",
    });
  });
});

suite("--only", () => {
  test("names verbs in any order, and they are done in theirs", () => {
    assert.deepEqual(verbsOf("forget, backup"), ["backup", "forget"]);
  });

  test("means all verbs when it is not given", () => {
    assert.deepEqual(verbsOf(undefined), ["backup", "copy", "forget", "prune", "check"]);
  });

  test("refuses what is no verb", () => {
    assert.throws(() => verbsOf("bakup"), { message: /did you mean "backup"\?/ });
  });
});
