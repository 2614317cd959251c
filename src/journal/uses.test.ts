import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite, test, type TestContext } from "node:test";
import { thisProcess } from "../hosts/process-identity.ts";
import { openForWriting } from "./file.ts";
import type { RunEnd } from "./journal.ts";
import { openJournal } from "./open.ts";
import type { Processes } from "./owner.ts";
import { migrations } from "./schema.ts";

const success: RunEnd = { outcome: "success", snapshots: [], suspicious: [] };
const entry = { kind: "mount", subject: "/mnt/usb", data: { path: "/mnt/usb" } };
const usb = "volume:usb";

function stateDirectory(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "holdfast-uses-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "state");
}

/** A machine on which only these processes live. */
function machine(self: number, alive: readonly number[]): Processes {
  return {
    self: () => ({ host: "here", pid: self }),
    isAlive: ({ pid }) => (alive.includes(pid) ? "alive" : "dead"),
  };
}

function subjects(promises: readonly { readonly entry: { readonly subject: string } }[]) {
  return promises.map(({ entry: { subject } }) => subject);
}

suite("what was promised for a thing that several may use", () => {
  test("is not open while anybody uses it, whatever became of the run that promised it", (t) => {
    using journal = openJournal(stateDirectory(t));
    const { id } = journal.startRun("documents", "command");
    using first = journal.use(usb, "documents");
    const second = journal.use(usb, "photos");
    journal.ledgerOf(usb, id).promise(entry);
    first[Symbol.dispose]();
    journal.finishRun(id, success);
    const whileUsed = journal.openPromises();

    second[Symbol.dispose]();

    assert.deepEqual(whileUsed, []);
    const [open] = journal.openPromises();
    assert.deepEqual([open?.run, open?.resource, open?.entry], [id, usb, entry]);
  });

  test("is open when all who used it are dead, and not while one lives", (t) => {
    const directory = stateDirectory(t);
    using killed = openJournal(directory, { processes: machine(1, []) });
    using living = openJournal(directory, { processes: machine(2, []) });
    killed.use(usb, "documents");
    killed.ledgerOf(usb).promise(entry);
    living.use(usb, "photos");

    using afterOne = openJournal(directory, { processes: machine(3, [2, 3]) });
    using afterBoth = openJournal(directory, { processes: machine(3, [3]) });

    assert.deepEqual(afterOne.openPromises(), []);
    assert.deepEqual(subjects(afterBoth.openPromises()), ["/mnt/usb"]);
    assert.equal(afterBoth.openPromises()[0]?.run, undefined, "no run did it");
  });

  test("can be listed by whoever is about to undo it, until it is settled", (t) => {
    using journal = openJournal(stateDirectory(t));
    using _ = journal.use(usb, "documents");
    const unlocked = journal.ledgerOf(usb).promise({ ...entry, subject: "unlocked" });
    journal.ledgerOf(usb).promise({ ...entry, subject: "mounted" });
    journal.ledgerOf("volume:nas").promise(entry);
    const before = subjects(journal.promisesOf(usb));

    unlocked.settle();

    assert.deepEqual(before, ["unlocked", "mounted"]);
    assert.deepEqual(subjects(journal.promisesOf(usb)), ["mounted"]);
  });

  test("is not discarded with old runs, and keeps none of them from being discarded", (t) => {
    let now = new Date("2024-01-01T00:00:00Z");
    using journal = openJournal(stateDirectory(t), { now: () => now });
    for (let round = 0; round < 3; round += 1) {
      journal.finishRun(journal.startRun("documents", "command").id, success);
    }
    journal.ledgerOf(usb).promise(entry);
    now = new Date("2026-01-01T00:00:00Z");

    journal.discardBefore(now);

    assert.equal(journal.runs({ limit: 9 }).length, 1);
    assert.deepEqual(subjects(journal.openPromises()), ["/mnt/usb"]);
  });
});

suite("a use", () => {
  test("names who uses a thing, and ends with its process", (t) => {
    const directory = stateDirectory(t);
    const since = new Date("2026-11-20T10:48:00.000Z");
    using killed = openJournal(directory, { processes: machine(1, []), now: () => since });
    killed.use(usb, "documents");

    using seen = openJournal(directory, { processes: machine(2, [1, 2]) });
    using after = openJournal(directory, { processes: machine(2, [2]) });

    assert.deepEqual(seen.users(usb), [{ host: "here", pid: 1, since, purpose: "documents" }]);
    assert.deepEqual(after.users(usb), []);
    assert.deepEqual(seen.users("volume:nas"), []);
  });

  test("that is kept outlives its process, until it is dropped", (t) => {
    const directory = stateDirectory(t);
    const kept: Processes = {
      self: () => ({ ...thisProcess(), pid: 1 }),
      isAlive: () => "dead",
    };
    {
      using journal = openJournal(directory, { processes: kept });
      journal.keep(usb, "holdfast volumes attach");
      journal.ledgerOf(usb).promise(entry);
    }
    using journal = openJournal(directory, { processes: kept });
    const whileKept = journal.openPromises();

    const dropped = journal.drop(usb);

    assert.deepEqual(whileKept, []);
    assert.equal(dropped, true);
    assert.equal(journal.drop(usb), false);
    assert.equal(journal.openPromises().length, 1);
  });

  test("that is kept ends with the machine: nothing is attached after it has started again", (t) => {
    const other: Processes = {
      self: () => ({ host: "here", pid: 1, bootId: "another start" }),
      isAlive: () => "unknown",
    };
    using journal = openJournal(stateDirectory(t), { processes: other });
    journal.keep(usb, "holdfast volumes attach");

    assert.deepEqual(journal.users(usb), []);
  });
});

test("promises of an older journal are still owed in the newer one", (t) => {
  const directory = stateDirectory(t);
  const file = join(directory, "journal.sqlite");
  openForWriting(file, migrations.slice(0, 2))[Symbol.dispose]();
  const older = new DatabaseSync(file);
  older.exec(`
    INSERT INTO runs (id, job, "trigger", started, owner, finish, finished, outcome, details)
      VALUES ('r1', 'documents', 'command', '2026-01-01T00:00:00.000Z', '{"host":"here","pid":1}', 1,
        '2026-01-01T00:00:01.000Z', 'failure', '{"outcome":"failure","snapshots":[],"suspicious":[]}');
    INSERT INTO promises (run, promised, kind, subject, data)
      VALUES ('r1', '2026-01-01T00:00:00.000Z', 'mount', '/mnt/usb', '{}');`);
  older.close();

  using journal = openJournal(directory);

  assert.deepEqual(
    journal.openPromises().map(({ run, entry: { subject } }) => [run, subject]),
    [["r1", "/mnt/usb"]],
  );
});
