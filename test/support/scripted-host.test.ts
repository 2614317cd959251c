import assert from "node:assert/strict";
import { inspect } from "node:util";
import test from "node:test";
import { CommandFailed } from "../../src/hosts/command-failed.ts";
import type { Command } from "../../src/hosts/host.ts";
import { HoldfastError } from "../../src/kernel/errors.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { ScriptedHost } from "./scripted-host.ts";

const { signal } = new AbortController();
const listing: Command = { argv: ["restic", "snapshots"], effect: "reads" };

test("answers an announced command and remembers that it ran", async () => {
  using host = new ScriptedHost(["restic snapshots", { stdout: "[]\n" }]);

  const { stdout, exitStatus } = await host.run(listing, signal);

  assert.deepEqual([stdout, exitStatus], ["[]\n", 0]);
  assert.deepEqual(host.ran, [listing]);
});

test("answers a repeated line in the order of the script", async () => {
  using host = new ScriptedHost([
    "restic snapshots",
    { stdout: "first" },
    /^restic/,
    { stdout: "second" },
  ]);

  const texts = [
    (await host.run(listing, signal)).stdout,
    (await host.run(listing, signal)).stdout,
  ];

  assert.deepEqual(texts, ["first", "second"]);
});

test("fails as a real host does when the exit status is not in okExits", async () => {
  using host = new ScriptedHost([
    "restic snapshots",
    { exitStatus: 3, stderr: "no" },
    "restic snapshots",
    { exitStatus: 3, stderr: "no" },
  ]);

  const tolerated = await host.run({ ...listing, okExits: [0, 3] }, signal);

  assert.equal(tolerated.exitStatus, 3);
  await assert.rejects(host.run(listing, signal), CommandFailed);
});

test("hands lines to those who watch", async () => {
  using host = new ScriptedHost(["restic snapshots", { stdout: "a\nb\n", stderr: "c" }]);
  const lines: string[] = [];

  const { stdout } = await host.run(listing, signal, {
    stdoutLine: (line) => lines.push(line),
    stderrLine: (line) => lines.push(line),
  });

  assert.deepEqual([lines.toSorted(), stdout], [["a", "b", "c"], ""]);
});

test("fails on a command that nobody announced, and again when disposed of", async () => {
  const host = new ScriptedHost([]);

  await assert.rejects(host.run(listing, signal), /nobody announced: restic snapshots/);

  assert.throws(() => host[Symbol.dispose](), /nobody announced: restic snapshots/);
});

test("fails on an announced command that nobody ran", () => {
  const host = new ScriptedHost(["restic snapshots", {}]);

  assert.throws(() => host[Symbol.dispose](), /announced, but never run: restic snapshots/);
});

test("looks only at paths that were announced", async () => {
  const host = new ScriptedHost([], { paths: { "/srv": { kind: "missing" } } });

  const states = await host.inspect(["/srv"], signal);

  assert.deepEqual(states, [{ kind: "missing" }]);
  await assert.rejects(host.inspect(["/etc"], signal), /nobody announced: a look at \/etc/);
});

test("hangs until it is aborted, and throws the reason", async () => {
  using host = new ScriptedHost(["restic snapshots", { hangs: true }]);
  const controller = new AbortController();
  const reason = new HoldfastError("timed-out", "the run took too long");

  const running = host.run(listing, controller.signal);
  controller.abort(reason);

  await assert.rejects(running, reason);
});

test("runs nothing after an abort", async () => {
  using host = new ScriptedHost([]);

  const running = host.run(listing, AbortSignal.abort());

  await assert.rejects(running, { code: "interrupted" });
  assert.deepEqual(host.ran, []);
});

test("shows no secret in what it remembers", async () => {
  using host = new ScriptedHost(["restic snapshots", {}]);

  await host.run({ ...listing, env: { RESTIC_PASSWORD: new Secret("hunter2!") } }, signal);

  assert.doesNotMatch(inspect(host.ran, { depth: 9 }), /hunter2/);
});

test("answers a pipeline by its stages joined with a bar", async () => {
  using host = new ScriptedHost(["tar -c . | zstd", { stdout: "bytes" }]);

  const result = await host.pipe(
    [
      { argv: ["tar", "-c", "."], effect: "reads" },
      { argv: ["zstd"], effect: "reads" },
    ],
    signal,
  );

  assert.equal(result.stdout, "bytes");
  assert.equal(result.stages.length, 2);
});
