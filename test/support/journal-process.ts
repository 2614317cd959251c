// Knows: how a process of its own works on a journal, for tests that need several or that kill one.
// Its arguments are what to do and the journal's directory; it says on standard output what has returned.
import { writeSync } from "node:fs";
import { join } from "node:path";
import type { Journal } from "../../src/journal/journal.ts";
import { HoldfastError } from "../../src/kernel/errors.ts";
import { openJournal } from "../../src/journal/open.ts";
import { SignsOfLife } from "../../src/journal/sign-of-life.ts";

const [task = "", directory = "", ...rest] = process.argv.slice(2);

// Written at once, not when the event loop turns: the next moment may be the last.
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function entry(subject: string): { kind: string; subject: string; data: { subject: string } } {
  return { kind: "test", subject, data: { subject } };
}

/** Tries to take a lock at a moment that many processes agree on. Keeps it until its input ends. */
function lock(at: string): void {
  while (Date.now() < Number(at));
  const journal = openJournal(directory);
  const result = journal.lock("repository:documents", `test ${process.pid}`);
  say(result.taken ? "taken" : `busy ${result.holder.pid}`);
  process.stdin.resume();
}

/** Begins a run and takes a lock, and keeps both until its input ends. */
function own(): void {
  const journal = openJournal(directory);
  journal.startRun("documents", "command");
  const result = journal.lock("repository:documents", "backup");
  say(result.taken ? "taken" : "busy");
  process.stdin.resume();
}

/** Makes a sign of life and does not yet use it. Keeps it until its input ends. */
function sign(): void {
  new SignsOfLife(join(directory, "alive")).give();
  say("given");
  process.stdin.resume();
}

/** Writes until it is killed: runs with events and promises, of which every second one is kept. */
function write(): never {
  using journal = openJournal(directory);
  for (let number = 0; ; number += 1) writeRun(journal, `${process.pid}-${number}`);
}

function writeRun(journal: Journal, name: string): void {
  const { id } = journal.startRun("documents", "command");
  say(`started ${id}`);
  for (let event = 0; event < 20; event += 1) {
    journal.append(id, { time: new Date(), event: "step-started", data: { event } });
    say(`event ${id}`);
  }
  const kept = journal.ledger(id).promise(entry(`kept-${name}`));
  journal.ledger(id).promise(entry(`open-${name}`));
  say(`promised open-${name}`);
  kept.settle();
  say(`settled kept-${name}`);
  journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [] });
  say(`finished ${id}`);
}

/** Says before and after each method what comes, so that a trace shows what it did to the disk. */
function sync(): void {
  using journal = openJournal(directory);
  say("mark start");
  const { id } = journal.startRun("documents", "command");
  say("mark append");
  for (let event = 0; event < 10; event += 1) {
    journal.append(id, { time: new Date(), event: "step-started", data: { event } });
  }
  say("mark promise");
  const kept = journal.ledger(id).promise(entry("traced"));
  say("mark settle");
  kept.settle();
  say("mark finish");
  journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [] });
  say("mark end");
}

/** Writes large events until the disk is full, then says which error that was. */
function fill(): void {
  using journal = openJournal(directory);
  const { id } = journal.startRun("documents", "command");
  const text = "x".repeat(10_000);
  try {
    for (;;) journal.append(id, { time: new Date(), event: "warning", data: { text } });
  } catch (error) {
    say(JSON.stringify(describe(error)));
  }
}

/** Starts one run, and says which error that was. */
function start(): void {
  try {
    using journal = openJournal(directory);
    say(JSON.stringify(journal.startRun("documents", "command")));
  } catch (error) {
    say(JSON.stringify(describe(error)));
  }
}

/** Lists the names of runs without changing anything. */
function read(): void {
  try {
    using journal = openJournal(directory, { readOnly: true });
    say(JSON.stringify(journal.runs({ limit: 100 }).map(({ job }) => job)));
  } catch (error) {
    say(JSON.stringify(describe(error)));
  }
}

function describe(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) throw error;
  return { code: error.code, message: error.message };
}

const tasks: Readonly<Record<string, (...rest: string[]) => void>> = {
  lock,
  own,
  sign,
  write,
  sync,
  fill,
  start,
  read,
};
tasks[task]?.(...rest);
