import assert from "node:assert/strict";
import { test } from "node:test";
import type { PathState } from "./host.ts";
import { inspectPaths } from "./path-state.ts";

test("looks at thousands of paths, and answers in their order", async () => {
  const paths = Array.from({ length: 3000 }, (_, index) => (index % 2 === 0 ? "/" : "/no/such"));

  const states = await inspectPaths(paths);

  assert.equal(states.length, paths.length);
  assert.ok(
    states.every(({ kind }, index) => kind === (index % 2 === 0 ? "directory" : "missing")),
  );
});

test("answers for paths that hang, and keeps a thread for everybody else", async () => {
  const dead = Promise.withResolvers<PathState>();
  const looked: string[] = [];
  const look = (path: string): Promise<PathState> => {
    looked.push(path);
    return dead.promise;
  };

  const states = await inspectPaths(["/a", "/b", "/c", "/d"], { look, patienceMs: 20 });
  const later = await inspectPaths(["/e"], { look, patienceMs: 20 });
  dead.resolve({ kind: "missing" });
  const atLast = await inspectPaths(["/"]);

  const reasons = [...states, ...later].map((state) => state.kind === "unreadable" && state.reason);
  assert.deepEqual(reasons, [
    ...Array<string>(3).fill("it did not answer within 0.02 s"),
    ...Array<string>(2).fill("looking at other paths hangs, so this one was not tried"),
  ]);
  assert.deepEqual(looked, ["/a", "/b", "/c"]);
  assert.equal(atLast[0]?.kind, "directory");
});
