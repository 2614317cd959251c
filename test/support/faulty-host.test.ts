import assert from "node:assert/strict";
import test from "node:test";
import { CommandFailed } from "../../src/hosts/command-failed.ts";
import type { Command } from "../../src/hosts/host.ts";
import { FaultyHost, killed } from "./faulty-host.ts";
import { ScriptedHost } from "./scripted-host.ts";

const { signal } = new AbortController();
const listing: Command = { argv: ["restic", "snapshots"], effect: "reads" };
const backup: Command = { argv: ["restic", "backup"], effect: "writes" };

test("leaves every other command alone", async () => {
  using scripted = new ScriptedHost(["restic snapshots", { stdout: "[]" }]);
  using host = new FaultyHost(scripted, [{ at: 1, fault: { kind: "disk-full" } }]);

  const { stdout } = await host.run(listing, signal);

  assert.equal(stdout, "[]");
  await assert.rejects(host.run(backup, signal), /no space left on device/);
});

test("fails a command before it ran", async () => {
  using scripted = new ScriptedHost([]);
  using host = new FaultyHost(scripted, [
    { at: ({ argv }) => argv.includes("backup"), fault: { kind: "fail", ending: killed } },
  ]);

  await assert.rejects(host.run(backup, signal), (error) => {
    return error instanceof CommandFailed && error.result.signal === "SIGKILL";
  });

  assert.deepEqual(scripted.ran, []);
});

test("fails a command after it has had its effect", async () => {
  using scripted = new ScriptedHost(["restic backup", {}]);
  using host = new FaultyHost(scripted, [{ at: 0, fault: { kind: "fail-after", ending: killed } }]);

  await assert.rejects(host.run(backup, signal), CommandFailed);

  assert.deepEqual(scripted.ran, [backup]);
});

test("lets a command hang until it is aborted", async () => {
  using scripted = new ScriptedHost([]);
  using host = new FaultyHost(scripted, [{ at: 0, fault: { kind: "hang" } }]);
  const controller = new AbortController();

  const running = host.run(backup, controller.signal);
  controller.abort();

  await assert.rejects(running, { code: "interrupted" });
});

test("replaces what a command says by garbage", async () => {
  using scripted = new ScriptedHost(["restic snapshots", { stdout: "[]" }]);
  using host = new FaultyHost(scripted, [
    { at: 0, fault: { kind: "garbage", stdout: "\u0000{[" } },
  ]);

  const { stdout } = await host.run(listing, signal);

  assert.equal(stdout, "\u0000{[");
});

test("really kills a command in the middle of its work", async () => {
  using scripted = new ScriptedHost(["timeout -s KILL 0.05 restic backup", killed]);
  using host = new FaultyHost(scripted, [{ at: 0, fault: { kind: "kill", afterMs: 50 } }]);

  await assert.rejects(host.run(backup, signal), /restic was ended by SIGKILL/);

  assert.deepEqual(host.asked, [backup]);
});

test("fails the test when a planned fault never happened", () => {
  using scripted = new ScriptedHost([]);
  const host = new FaultyHost(scripted, [{ at: 7, fault: { kind: "disk-full" } }]);

  assert.throws(() => host[Symbol.dispose](), /never happened .*disk-full at 7/);
});
