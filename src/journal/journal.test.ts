import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { Secret } from "../kernel/secret.ts";
import type { Journal, RunEnd } from "./journal.ts";
import { openJournal } from "./open.ts";
import type { Processes } from "./owner.ts";

const success: RunEnd = { outcome: "success", snapshots: [], suspicious: [] };

function stateDirectory(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "holdfast-journal-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "state");
}

/** A clock that shows each of these times once, and the last one for ever. */
function clock(...times: readonly string[]): () => Date {
  const left = [...times];
  return () => new Date((left.length > 1 ? left.shift() : left[0]) ?? 0);
}

/** A machine on which only these processes live. */
function machine(self: number, alive: readonly number[]): Processes {
  return {
    self: () => ({ host: "here", pid: self }),
    isAlive: ({ host, pid }) => {
      if (host !== "here") return "unknown";
      return alive.includes(pid) ? "alive" : "dead";
    },
  };
}

function runOf(journal: Journal, job: string, end: Partial<RunEnd> = {}): string {
  const { id } = journal.startRun(job, "command");
  journal.finishRun(id, { ...success, ...end });
  return id;
}

suite("the file", () => {
  test("is created with its directory, for its owner only", (t) => {
    const directory = stateDirectory(t);

    openJournal(directory)[Symbol.dispose]();

    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, "journal.sqlite")).mode & 0o777, 0o600);
  });

  test("keeps the files that SQLite puts beside it for its owner only", (t) => {
    const directory = stateDirectory(t);
    using journal = openJournal(directory);
    runOf(journal, "documents");

    const modes = readdirSync(directory)
      .filter((name) => name.startsWith("journal.sqlite"))
      .map((name) => statSync(join(directory, name)).mode & 0o777);

    assert.equal(modes.length, 3);
    assert.deepEqual(new Set(modes), new Set([0o600]));
  });

  test("still holds what was written when it is opened again", (t) => {
    const directory = stateDirectory(t);
    let id: string;
    {
      using journal = openJournal(directory);
      id = runOf(journal, "documents");
    }

    using journal = openJournal(directory);

    assert.equal(journal.run(id)?.end?.outcome, "success");
  });

  test("can be disposed of twice", (t) => {
    const journal = openJournal(stateDirectory(t));

    journal[Symbol.dispose]();
    journal[Symbol.dispose]();

    assert.throws(() => journal.mark("anything"));
  });
});

suite("reading only", () => {
  test("finds an empty journal where there is none, and creates nothing", (t) => {
    const directory = stateDirectory(t);

    using journal = openJournal(directory, { readOnly: true });

    assert.deepEqual(journal.runs({ limit: 10 }), []);
    assert.deepEqual(journal.deadRuns(), []);
    assert.deepEqual(journal.openPromises(), []);
    assert.equal(journal.repository("documents"), undefined);
    assert.equal(journal.mark("anything"), undefined);
    assert.throws(() => statSync(directory), { code: "ENOENT" });
  });

  test("sees what a writer that is still at work has written", (t) => {
    const directory = stateDirectory(t);
    using writer = openJournal(directory);
    using reader = openJournal(directory, { readOnly: true });
    const id = runOf(writer, "documents");

    const found = reader.run(id);

    assert.equal(found?.job, "documents");
  });

  test("refuses to write", (t) => {
    const directory = stateDirectory(t);
    openJournal(directory)[Symbol.dispose]();
    using reader = openJournal(directory, { readOnly: true });

    assert.throws(() => reader.startRun("documents", "command"), /reading only/);
    assert.throws(() => reader.setMark("a", "b"), /reading only/);
    assert.throws(() => reader.lock("repository:r", "test"), /reading only/);
  });
});

suite("runs", () => {
  test("are named after the time at which they began", (t) => {
    using journal = openJournal(stateDirectory(t), { now: clock("2026-11-20T10:48:00.000Z") });

    const run = journal.startRun("documents", "schedule");

    assert.match(run.id, /^20261120-104800-[2-9a-z]{3}$/);
    assert.deepEqual(journal.run(run.id), {
      id: run.id,
      job: "documents",
      trigger: "schedule",
      started: new Date("2026-11-20T10:48:00.000Z"),
    });
  });

  test("come back with their end as it was given", (t) => {
    using journal = openJournal(stateDirectory(t), {
      now: clock("2026-11-20T10:00:00.000Z", "2026-11-20T10:05:00.000Z"),
    });
    const end: RunEnd = {
      outcome: "warning",
      reason: "2 files could not be read",
      code: "source-unreadable",
      hint: "look at them",
      snapshots: [{ repository: "documents", id: "4bba301e" }],
      evidence: { files: 12, bytes: 3456, unreadable: ["/a\nb"], unreadableCount: 2, listed: true },
      suspicious: ["half as many files as last time"],
    };
    const { id } = journal.startRun("documents", "command");

    journal.finishRun(id, end);

    const found = journal.run(id);
    assert.deepEqual(found?.end, end);
    assert.deepEqual(found?.finished, new Date("2026-11-20T10:05:00.000Z"));
  });

  test("remember that they were skipped because something was away", (t) => {
    using journal = openJournal(stateDirectory(t));
    const end: RunEnd = {
      outcome: "skipped",
      reason: 'volume "usb" is not plugged in',
      away: true,
      snapshots: [],
      suspicious: [],
    };

    const id = runOf(journal, "documents", end);

    assert.deepEqual(journal.run(id)?.end, end);
    assert.deepEqual(journal.lastRun("documents")?.end, end);
  });

  test("are unknown by any other name", (t) => {
    using journal = openJournal(stateDirectory(t));

    assert.equal(journal.run("20261120-104800-k3f"), undefined);
    assert.deepEqual(journal.events("20261120-104800-k3f"), []);
    assert.throws(() => journal.finishRun("20261120-104800-k3f", success), /no run/);
  });

  test("keep their first end when two processes recover them", (t) => {
    using journal = openJournal(stateDirectory(t));
    const id = runOf(journal, "documents", { outcome: "interrupted" });

    journal.finishRun(id, { ...success, outcome: "failure" });

    assert.equal(journal.run(id)?.end?.outcome, "interrupted");
  });

  test("are listed newest first, even when the clock was set back between them", (t) => {
    using journal = openJournal(stateDirectory(t), {
      now: clock("2026-11-20T10:00:00Z", "2026-11-20T10:01:00Z", "2024-01-01T00:00:00Z"),
    });
    const earlier = runOf(journal, "documents");
    const later = runOf(journal, "documents");
    runOf(journal, "photos");

    const listed = journal.runs({ job: "documents", limit: 10 }).map(({ id }) => id);

    assert.deepEqual(listed, [later, earlier]);
    assert.equal(journal.runs({ limit: 2 }).length, 2);
    assert.equal(journal.lastRun("documents")?.id, later);
  });

  test("are last in the order in which they finished", (t) => {
    using journal = openJournal(stateDirectory(t));
    const long = journal.startRun("documents", "schedule");
    const refused = journal.startRun("documents", "command");

    journal.finishRun(refused.id, { ...success, outcome: "failure", code: "busy" });
    journal.finishRun(long.id, success);

    assert.equal(journal.lastRun("documents")?.id, long.id);
    assert.equal(journal.lastRun("documents", ["failure", "warning"])?.id, refused.id);
    assert.equal(journal.lastRun("documents", ["skipped"]), undefined);
    assert.equal(journal.lastRun("documents", []), undefined);
  });

  test("that are still going on are not the last", (t) => {
    using journal = openJournal(stateDirectory(t));
    const finished = runOf(journal, "documents");
    journal.startRun("documents", "command");

    const last = journal.lastRun("documents");

    assert.equal(last?.id, finished);
  });

  test("are dead only when their process is proven dead", (t) => {
    const directory = stateDirectory(t);
    using killed = openJournal(directory, { processes: machine(1, []) });
    using living = openJournal(directory, { processes: machine(2, []) });
    using elsewhere = openJournal(directory, {
      processes: { ...machine(3, []), self: () => ({ host: "elsewhere", pid: 3 }) },
    });
    const dead = killed.startRun("documents", "command");
    runOf(killed, "finished");
    living.startRun("photos", "command");
    elsewhere.startRun("music", "command");

    using journal = openJournal(directory, { processes: machine(4, [2, 4]) });

    assert.deepEqual(
      journal.deadRuns().map(({ id }) => id),
      [dead.id],
    );
  });
});

suite("events", () => {
  test("come back in the order in which they happened, whatever their times", (t) => {
    using journal = openJournal(stateDirectory(t));
    const { id } = journal.startRun("documents", "command");
    const times = [
      "2026-11-20T10:00:00.000Z",
      "2026-11-20T10:00:01.000Z",
      "2020-01-01T00:00:00.000Z",
    ];

    for (const [index, time] of times.entries()) {
      journal.append(id, { time: new Date(time), event: "step-started", data: { index } });
    }

    assert.deepEqual(
      journal.events(id),
      times.map((time, index) => ({
        time: new Date(time),
        event: "step-started",
        data: { index },
      })),
    );
  });

  test("keep names that no encoding was made for", (t) => {
    using journal = openJournal(stateDirectory(t));
    const { id } = journal.startRun("documents", "command");
    const data = { path: "a\u0000b\n\t\"'\\ \ud800 é 🦊 \u202e" };

    journal.append(id, { time: new Date(0), event: "warning", data });

    assert.deepEqual(journal.events(id)[0]?.data, data);
  });

  test("of a run that does not exist are refused", (t) => {
    using journal = openJournal(stateDirectory(t));

    const append = () => journal.append("nobody", { time: new Date(0), event: "x", data: {} });

    assert.throws(append, /FOREIGN KEY/);
  });

  test("and ends hold no secret, neither as a value nor in a text", (t) => {
    const directory = stateDirectory(t);
    using journal = openJournal(directory);
    const secret = new Secret("wombat-in-the-attic");
    const { id } = journal.startRun("documents", "command");

    journal.append(id, {
      time: new Date(0),
      event: "step-failed",
      data: { secret, deep: { message: "said: wombat-in-the-attic" } },
    });
    journal.finishRun(id, { ...success, reason: "wrong: wombat-in-the-attic" });

    assert.deepEqual(journal.events(id)[0]?.data, {
      secret: "***",
      deep: { message: "said: ***" },
    });
    assert.equal(journal.run(id)?.end?.reason, "wrong: ***");
  });

  test("do not lose the name of a repository that is also somebody's password", (t) => {
    using journal = openJournal(stateDirectory(t));
    const snapshots = [{ repository: "wombat-cellar", id: "1" }];
    const password = new Secret("wombat-cellar");

    const id = runOf(journal, "daily", { snapshots });

    assert.deepEqual(journal.run(id)?.end?.snapshots, snapshots);
    assert.equal(String(password), "***");
  });
});

suite("promises", () => {
  const entry = { kind: "mount", subject: "/mnt/usb", data: { device: "/dev/sdb1" } };

  test("are open in the order they were made, once their run is over", (t) => {
    using journal = openJournal(stateDirectory(t));
    const { id } = journal.startRun("documents", "command");
    const ledger = journal.ledger(id);
    ledger.promise(entry);
    ledger.promise({ ...entry, subject: "/mnt/other" });
    const whileRunning = journal.openPromises();

    journal.finishRun(id, success);

    assert.deepEqual(whileRunning, []);
    assert.deepEqual(
      journal.openPromises().map(({ run, entry: { subject } }) => [run, subject]),
      [
        [id, "/mnt/usb"],
        [id, "/mnt/other"],
      ],
    );
  });

  test("of a dead run are open, those of a living one are not", (t) => {
    const directory = stateDirectory(t);
    using killed = openJournal(directory, { processes: machine(1, []) });
    using living = openJournal(directory, { processes: machine(2, []) });
    killed.ledger(killed.startRun("documents", "command").id).promise(entry);
    living.ledger(living.startRun("photos", "command").id).promise(entry);

    using journal = openJournal(directory, { processes: machine(3, [2, 3]) });

    assert.deepEqual(
      journal.openPromises().map((open) => [journal.run(open.run ?? "")?.job, open.entry]),
      [["documents", entry]],
    );
  });

  test("are settled by whoever keeps them, and may be settled again", (t) => {
    using journal = openJournal(stateDirectory(t));
    const { id } = journal.startRun("documents", "command");
    const kept = journal.ledger(id).promise(entry);
    journal.ledger(id).promise({ ...entry, subject: "left" });
    kept.settle();
    kept.settle();
    journal.finishRun(id, success);

    const [left] = journal.openPromises();
    left?.settle();
    left?.settle();

    assert.equal(left?.entry.subject, "left");
    assert.deepEqual(journal.openPromises(), []);
  });

  test("keep every letter, even one that is also a password, and never a secret", (t) => {
    using journal = openJournal(stateDirectory(t));
    const path = "/mnt/wombat-burrow";
    const password = new Secret("wombat-burrow");
    const { id } = journal.startRun("documents", "command");
    journal.ledger(id).promise({ ...entry, data: { path, password } });
    journal.finishRun(id, success);

    const [open] = journal.openPromises();

    assert.deepEqual(open?.entry.data, { path, password: "***" });
  });
});

suite("locks", () => {
  test("are held by one at a time, and free again when they are disposed of", (t) => {
    const now = clock("2026-11-20T10:48:00.000Z");
    using journal = openJournal(stateDirectory(t), { now, processes: machine(7, [7]) });
    const first = journal.lock("repository:usb", "backup of documents");
    const second = journal.lock("repository:usb", "prune");
    const other = journal.lock("repository:nas", "prune");

    if (first.taken) first.lock[Symbol.dispose]();

    assert.equal(first.taken, true);
    assert.equal(other.taken, true);
    assert.deepEqual(second, {
      taken: false,
      holder: {
        host: "here",
        pid: 7,
        since: new Date("2026-11-20T10:48:00.000Z"),
        purpose: "backup of documents",
      },
    });
    assert.equal(journal.lock("repository:usb", "prune").taken, true);
  });

  test("of a dead process go to the next, and cannot be released by the one that lost them", (t) => {
    const directory = stateDirectory(t);
    using killed = openJournal(directory, { processes: machine(1, []) });
    using next = openJournal(directory, { processes: machine(2, [2, 3]) });
    using third = openJournal(directory, { processes: machine(3, [2, 3]) });
    const lost = killed.lock("repository:usb", "backup");
    const taken = next.lock("repository:usb", "check");

    if (lost.taken) lost.lock[Symbol.dispose]();

    assert.equal(taken.taken, true);
    assert.equal(third.lock("repository:usb", "backup").taken, false);
  });

  test("of a process about which nothing can be known stay where they are", (t) => {
    const directory = stateDirectory(t);
    using elsewhere = openJournal(directory, {
      processes: { ...machine(1, []), self: () => ({ host: "elsewhere", pid: 1 }) },
    });
    using here = openJournal(directory, { processes: machine(2, [2]) });
    elsewhere.lock("repository:usb", "backup");

    const result = here.lock("repository:usb", "check");

    assert.equal(result.taken, false);
  });
});
