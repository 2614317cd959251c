import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Command } from "./host.ts";
import { readOnlyHost } from "./read-only.ts";

const reads: Command = { argv: ["restic", "snapshots"], effect: "reads" };
const writes: Command = { argv: ["restic", "init"], effect: "writes" };
const isBug = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof HoldfastError) && /only reading/.test(error.message);

test("a read-only host runs and looks at what changes nothing", async ({ signal }) => {
  using scripted = new ScriptedHost(
    ["restic snapshots", { stdout: "[]" }, "restic snapshots | restic snapshots", { stdout: "[]" }],
    { name: "nas", paths: { "/srv": { kind: "missing" } } },
  );
  const host = readOnlyHost(scripted);

  const { stdout } = await host.run(reads, signal);
  const piped = await host.pipe([reads, reads], signal);
  const states = await host.inspect(["/srv"], signal);

  assert.deepEqual([host.name, stdout, piped.stdout], ["nas", "[]", "[]"]);
  assert.deepEqual(states, [{ kind: "missing" }]);
});

test("a read-only host refuses what writes, as the bug that it is, before anything starts", async ({
  signal,
}) => {
  using scripted = new ScriptedHost([]);
  const host = readOnlyHost(scripted);

  await assert.rejects(host.run(writes, signal), isBug);
  await assert.rejects(host.pipe([reads, writes], signal), isBug);
  await assert.rejects(host.scratch(), isBug);

  assert.deepEqual(scripted.ran, []);
});
