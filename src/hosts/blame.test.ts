import assert from "node:assert/strict";
import { test } from "node:test";
import { stageToBlame, type StageVerdict } from "./blame.ts";
import type { CommandResult } from "./host.ts";

type Given = Partial<CommandResult> & { readonly endedAt?: number; readonly wasEnded?: boolean };

function stages(...given: readonly Given[]): readonly StageVerdict[] {
  return given.map(({ endedAt = 0, wasEnded = false, ...part }) => {
    const result = {
      exitStatus: 0,
      stdout: "",
      stderr: "",
      truncated: false,
      milliseconds: 1,
      ...part,
    };
    return { ok: result.exitStatus === 0, result, wasEnded, endedAt };
  });
}

test("nobody is to blame when all went well", () => {
  assert.equal(stageToBlame(stages({}, {})), undefined);
});

test("the only one that failed is to blame, wherever it stands", () => {
  assert.equal(stageToBlame(stages({ exitStatus: 1 }, {}, {})), 0);
  assert.equal(stageToBlame(stages({}, { exitStatus: 1 }, {})), 1);
  assert.equal(stageToBlame(stages({}, {}, { exitStatus: 1 })), 2);
});

test("writers that lost their reader are not, even if they were seen to end first", () => {
  const reader: Given = { exitStatus: 1, stderr: "no space left on device", endedAt: 3 };

  for (const victim of [
    { exitStatus: 141, signal: "SIGPIPE" },
    { exitStatus: 141 },
    { exitStatus: 2, stderr: "tar: -: Cannot write: Broken pipe" },
    { exitStatus: 2, stderr: "gzip: stdout: Connection reset by peer" },
    { exitStatus: 1, stderr: "Error: write EPIPE" },
  ] as const) {
    assert.equal(
      stageToBlame(stages({ ...victim, endedAt: 1 }, { ...victim, endedAt: 2 }, reader)),
      2,
    );
  }
});

test("a reader that got half an input is not, its writer failed before", () => {
  const found = stageToBlame(
    stages(
      { exitStatus: 1, stderr: "permission denied", endedAt: 0 },
      { exitStatus: 1, stderr: "unexpected end of file", endedAt: 1 },
      { exitStatus: 2, stderr: "no data", endedAt: 2 },
    ),
  );

  assert.equal(found, 0);
});

test("what Holdfast ended itself is not", () => {
  const found = stageToBlame(
    stages(
      { exitStatus: 143, signal: "SIGTERM", wasEnded: true, endedAt: 0 },
      { exitStatus: 1, endedAt: 1 },
    ),
  );

  assert.equal(found, 1);
});

test("a writer is, when its reader did not read to the end and was content", () => {
  assert.equal(stageToBlame(stages({ exitStatus: 141, signal: "SIGPIPE" }, {})), 0);
});

test("the last stage has no reader to lose: its broken pipe is its own", () => {
  const found = stageToBlame(
    stages({ exitStatus: 141, signal: "SIGPIPE" }, { exitStatus: 1, stderr: "ssh: broken pipe" }),
  );

  assert.equal(found, 1);
});
