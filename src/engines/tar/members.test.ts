import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { excludeOptions, memberNamed, namingFor, pathOf } from "./members.ts";

suite("the members of an archive", () => {
  for (const [path, root, member] of [
    ["/srv/data/x", undefined, "srv/data/x"],
    ["srv/data/x", undefined, "srv/data/x"],
    ["/srv/stage/data/x", "/srv/stage", "./data/x"],
    ["data/x/", "/srv/stage", "./data/x"],
    ["./data/x", "/srv/stage", "./data/x"],
    ["/data/x", "/srv/stage", "./data/x"],
    ["/srv/stage", "/srv/stage", "."],
    ["/srv/stage/", "/srv/stage", "."],
    ["/srv/stagedata", "/srv/stage", "./srv/stagedata"],
    ["/etc/x", "/", "./etc/x"],
    [".hidden", "/srv/stage", "./.hidden"],
    ["/", "/", "."],
  ] as const) {
    test(`are named ${member} for ${path} as seen from ${root ?? "nowhere"}`, () => {
      const naming = namingFor({ paths: [], ...(root === undefined ? {} : { root }) });

      assert.equal(memberNamed(path, naming), member);
    });
  }

  test("stand for paths", () => {
    assert.equal(pathOf("srv/x", { kind: "absolute" }), "/srv/x");
    assert.equal(pathOf("./x", { kind: "rooted", root: "/srv" }), "/srv/x");
    assert.equal(pathOf(".", { kind: "rooted", root: "/srv" }), "/srv");
    assert.equal(pathOf("./x", { kind: "rooted" }), "/x");
  });

  test("are seen from the root when that is backed up", () => {
    assert.equal(memberNamed("/boot", namingFor({ paths: ["/", "/boot"] })), "./boot");
  });
});

suite("a pattern for what is left out", () => {
  test("with a slash in front means one place, as seen from the root", () => {
    assert.deepEqual(excludeOptions("/srv/a/*.log", undefined), [
      "--anchored",
      "--exclude=srv/a/*.log",
      "--no-anchored",
    ]);
    assert.deepEqual(excludeOptions("/srv/a/b", "/srv/a")[1], "--exclude=./b");
    assert.deepEqual(excludeOptions("/elsewhere", "/srv/a")[1], "--exclude=/elsewhere");
  });

  test("without one fits at every depth", () => {
    assert.deepEqual(excludeOptions("*.log", "/srv"), ["--exclude=*.log"]);
  });
});
