import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Command } from "./host.ts";
import { supervise } from "./supervise.ts";

const command: Command = { argv: ["restic"], effect: "reads", timeoutMs: 1 };
const { signal } = new AbortController();

test("counts the time of a command from its turn", async () => {
  const turn = Promise.withResolvers<void>();
  const steps: string[] = [];
  const end = async (): Promise<void> => {
    steps.push("ended there");
  };

  const supervision = { commands: [command], signal, end, begun: turn.promise };
  const running = supervise(supervision, async (letGo) => {
    // Long enough for a timer that had been started already.
    for (let round = 0; round < 3; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await setImmediate();
    }
    steps.push("its turn");
    turn.resolve();
    await once(letGo, "abort");
    steps.push("let go");
  });

  await assert.rejects(running, {
    code: "timed-out",
    message: /restic did not end within 0.001 s/,
  });
  assert.deepEqual(steps, ["its turn", "ended there", "let go"]);
});
