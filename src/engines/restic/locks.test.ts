import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Liveness } from "../../hosts/process-identity.ts";
import {
  adviceOn,
  describeLock,
  judgeLocks,
  parseLock,
  type Lock,
  type Surroundings,
} from "./locks.ts";

const now = new Date("2026-03-14T12:00:00Z");
const minute = 60_000;

function aLock(changes: Partial<Lock> & { readonly ageMs?: number } = {}): Lock {
  const { ageMs = minute, ...rest } = changes;
  return {
    time: new Date(now.getTime() - ageMs),
    exclusive: false,
    hostname: "laptop",
    username: "anna",
    pid: 100,
    ...rest,
  };
}

function surroundings(processes: Readonly<Record<number, Liveness | "replaced">>): Surroundings {
  return {
    hostname: "laptop",
    username: "anna",
    now,
    liveness: (pid) => {
      const state = processes[pid] ?? "dead";
      return state === "replaced" ? "dead" : state;
    },
    exists: (pid) => (processes[pid] ?? "dead") !== "dead",
  };
}

test("a lock is read as every version shows it", () => {
  for (const version of ["0.14", "0.18", "0.19"]) {
    const path = join(import.meta.dirname, "testdata", `lock-${version}.txt`);

    const lock = parseLock(readFileSync(path, "utf8"));

    assert.deepEqual([lock.hostname, lock.username, lock.exclusive], ["laptop", "root", false]);
    assert.ok(lock.pid > 1);
  }
});

test("the lock of a process that is gone is removed, also an exclusive one", () => {
  assert.equal(judgeLocks([aLock()], surroundings({})).kind, "removable");
  assert.equal(judgeLocks([aLock({ exclusive: true })], surroundings({})).kind, "removable");
  assert.equal(judgeLocks([aLock({ ageMs: 1e9 })], surroundings({})).kind, "removable");
});

test("no lock leaves nothing to do", () => {
  assert.deepEqual(judgeLocks([], surroundings({})), { kind: "free" });
});

test("the lock of a living process is respected, however old", () => {
  for (const ageMs of [minute, 29 * minute, 31 * minute, 1e9]) {
    const judgement = judgeLocks([aLock({ ageMs })], surroundings({ 100: "alive" }));

    assert.equal(judgement.kind, "held");
  }
});

test("what is not of this machine, this user or this numbering of processes is unknown, and respected", () => {
  const locks = [
    aLock({ hostname: "server" }),
    aLock({ username: "root" }),
    aLock({ hostname: "laptop.example.org" }),
  ];

  for (const lock of locks) {
    const judgement = judgeLocks([lock], surroundings({}));

    assert.deepEqual(
      [judgement.kind, "owner" in judgement && judgement.owner],
      ["held", "unknown"],
    );
  }
  assert.equal(judgeLocks([aLock()], surroundings({ 100: "unknown" })).kind, "held");
});

test("a name that many machines have proves nothing", () => {
  const here = { ...surroundings({}), hostname: "localhost" };

  assert.equal(judgeLocks([aLock({ hostname: "localhost" })], here).kind, "held");
});

test("a dead lock stays while restic would remove an old one of another machine with it", () => {
  const dead = aLock();
  const foreign = aLock({ hostname: "server", ageMs: 31 * minute });

  const judgement = judgeLocks([dead, foreign], surroundings({}));

  assert.ok(judgement.kind === "held");
  assert.equal(judgement.lock, foreign);
});

test("a dead lock is removed beside a fresh one of another machine, which restic leaves alone", () => {
  const locks = [aLock(), aLock({ hostname: "server", ageMs: 5 * minute })];

  assert.equal(judgeLocks(locks, surroundings({})).kind, "removable");
});

test("restic is not let loose on a process that only has the number of a dead one", () => {
  const here = surroundings({ 100: "replaced" });

  const fresh = judgeLocks([aLock()], here);
  const besideDead = judgeLocks([aLock(), aLock({ pid: 200 })], here);
  const old = judgeLocks([aLock({ ageMs: 32 * minute })], here);

  assert.deepEqual([fresh.kind, besideDead.kind, old.kind], ["held", "held", "removable"]);
});

test("who holds a lock is said in one sentence, and what can be done about it in another", () => {
  const lock = aLock({ exclusive: true });

  assert.equal(
    describeLock(lock),
    "locked exclusively by process 100 of anna on laptop since 2026-03-14T11:59:00.000Z",
  );
  assert.match(adviceOn({ lock, owner: "alive" }, "/srv"), /wait until process 100/);
  assert.match(
    adviceOn({ lock, owner: "replaced" }, "/srv"),
    /try again after 2026-03-14T12:30:00/,
  );
  assert.match(
    adviceOn({ lock, owner: "unknown" }, "/srv"),
    /on laptop: restic --repo \/srv unlock/,
  );
});
