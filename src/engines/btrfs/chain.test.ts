import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type ChainQuestion, type Link, planChain } from "./chain.ts";

/** Snapshots of one subvolume, oldest first: each is its own origin. */
function snapshotsOf(subvolume: string, names: string, from = 1): readonly Link[] {
  return Array.from(names).map((name, index) => ({
    name,
    uuid: name,
    origin: name,
    parentUuid: subvolume,
    made: from + index,
  }));
}

function sent(question: Partial<ChainQuestion> & Pick<ChainQuestion, "theirs">, held: string) {
  const plan = planChain({
    held: new Set(Array.from(held)),
    wanted: new Set(question.theirs.map(({ name }) => name)),
    parents: new Map(),
    copyOlder: false,
    incremental: "auto",
    ...question,
  });
  return {
    send: plan.send.map(({ link, parent }) => `${link.name}<${parent?.name ?? ""}`),
    skip: plan.skip.map(({ link }) => link.name),
  };
}

suite("the chain of differences", () => {
  const four = snapshotsOf("home", "abcd");

  test("begins with a whole one, and goes on with what comes next", () => {
    assert.deepEqual(sent({ theirs: four }, ""), { send: ["a<", "b<a", "c<b", "d<c"], skip: [] });
  });

  test("goes on from the newest that both sides have", () => {
    assert.deepEqual(sent({ theirs: four }, "ab"), { send: ["c<b", "d<c"], skip: [] });
  });

  test("leaves out what is older than that, unless it is asked for", () => {
    assert.deepEqual(sent({ theirs: four }, "c"), { send: ["d<c"], skip: ["a", "b"] });
    assert.deepEqual(sent({ theirs: four, copyOlder: true }, "c"), {
      send: ["a<c", "b<a", "d<c"],
      skip: [],
    });
  });

  test("goes by the order of making, not of names: a clock may have been set back", () => {
    const theirs = snapshotsOf("home", "dcba");

    assert.deepEqual(sent({ theirs }, "d"), { send: ["c<d", "b<c", "a<b"], skip: [] });
  });

  test("knows its own by origin: one of the same name and another origin is another one", () => {
    const again = four.map((link) => ({ ...link, origin: `new ${link.name}` }));

    assert.deepEqual(sent({ theirs: again }, "abcd").send, ["a<", "b<a", "c<b", "d<c"]);
  });

  test("continues the snapshot that a subvolume was put back from", () => {
    const after = snapshotsOf("restored", "xy", 10);
    const parents = new Map([["restored", "b"]]);

    const { send } = sent({ theirs: [...four, ...after], parents }, "abcd");

    assert.deepEqual(send, ["x<b", "y<x"]);
  });

  test("takes what comes before the one that was put back where that is not common", () => {
    const after = snapshotsOf("restored", "x", 10);
    const parents = new Map([["restored", "c"]]);

    assert.deepEqual(sent({ theirs: [...four, ...after], parents, copyOlder: true }, "abd").send, [
      "c<b",
      "x<c",
    ]);
  });

  test("can be forbidden, or insisted on", () => {
    assert.deepEqual(sent({ theirs: four, incremental: "never" }, "ab").send, ["c<", "d<"]);
    assert.deepEqual(sent({ theirs: four, incremental: "always" }, ""), {
      send: [],
      skip: ["a", "b", "c", "d"],
    });
  });

  test("ends where parents run in a circle", () => {
    const theirs = [{ name: "a", uuid: "a", origin: "a", parentUuid: "a", made: 1 }];

    assert.deepEqual(sent({ theirs }, "").send, ["a<"]);
  });
});
