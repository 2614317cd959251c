// What this engine does with restic's answers, where no real one gives them at will.
import assert from "node:assert/strict";
import { hostname, userInfo } from "node:os";
import { test } from "node:test";
import { inspect } from "node:util";
import { ScriptedHost } from "../../../test/support/scripted-host.ts";
import type { Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";
import { HoldfastError, type ErrorCode } from "../../kernel/errors.ts";
import { Secret } from "../../kernel/secret.ts";
import type { Repository } from "../engine.ts";
import { AnyRepository } from "../index.ts";

const { signal } = new AbortController();
const work = { signal, progress: () => {} };
const id = "4bba301e".padEnd(64, "0");
const job = { name: "documents", paths: ["/home"] };

function open(host: Host, changes: Readonly<Record<string, unknown>> = {}): Repository {
  const options = {
    engine: "restic",
    at: "/srv/repo",
    password: "hunter2-of-the-tests",
    host: "laptop",
  };
  return AnyRepository.parse({ ...options, ...changes }).open({
    host,
    here: host,
    ledger: { promise: () => assert.fail("nothing is left to be undone") },
    location: "/srv/repo",
    name: "documents",
    secret: async (reference) => {
      assert.ok("text" in reference);
      return reference.text;
    },
  });
}

function withCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof HoldfastError && error.code === code;
}

function request(paths: readonly string[] = job.paths) {
  return {
    job: job.name,
    source: { kind: "paths" as const, paths, async [Symbol.asyncDispose]() {} },
    selection: {
      exclude: [],
      excludeFiles: [],
      excludeIfPresent: [],
      ignoreCase: false,
      oneFileSystem: false,
    },
    labels: [],
    full: false,
    sourceHost: localHost(),
    allowDeletions: false,
  };
}

function listed(changes: Readonly<Record<string, unknown>> = {}): string {
  const snapshot = {
    id,
    time: "2026-01-05T03:00:00.123456789+01:00",
    tree: "x",
    hostname: "laptop",
    paths: ["/home"],
    tags: ["holdfast:documents"],
  };
  return JSON.stringify([{ ...snapshot, ...changes }]);
}

const list = "restic --repo /srv/repo snapshots --json --no-lock";
const prune = "restic --repo /srv/repo prune --json";
const locks = "restic --repo /srv/repo list --json --no-lock locks";
const showLock = `restic --repo /srv/repo cat --json --no-lock lock ${id}`;
const lockedOut = { exitStatus: 1, stderr: "repository is already locked by PID 1 on nas by root" };

function lockOf(changes: Readonly<Record<string, unknown>>): { readonly stdout: string } {
  const lock = {
    time: new Date().toISOString(),
    exclusive: true,
    hostname: hostname(),
    username: userInfo().username,
    pid: process.pid,
  };
  return { stdout: JSON.stringify({ ...lock, ...changes }, undefined, 2) };
}

/** What 0.14 says of a file that it could not read. */
function failed(during: string, item: string): string {
  return JSON.stringify({ message_type: "error", error: {}, during, item });
}

/** What a whole backup says. */
function summary(files: number, snapshot: string): { readonly stdout: string } {
  const status = { message_type: "status", total_files: files, files_done: 1 };
  const end = {
    message_type: "summary",
    total_files_processed: files,
    total_bytes_processed: 10,
    data_added: 5,
    data_added_packed: 4,
    total_duration: 1.5,
    snapshot_id: snapshot,
  };
  return { stdout: [status, end].map((line) => JSON.stringify(line)).join("\n") };
}

test("hands restic its password where no other user of the host can see it", async () => {
  using host = new ScriptedHost([list, { stdout: listed() }]);

  const [snapshot] = await open(host).snapshots(job, signal);

  assert.equal(snapshot?.id, id);
  assert.equal(snapshot.time.toISOString(), "2026-01-05T02:00:00.123Z");
  assert.doesNotMatch(inspect(host.ran, { depth: 9 }), /hunter2/);
  assert.ok(host.ran[0]?.env?.["RESTIC_PASSWORD"] instanceof Secret);
});

test("a plain run asks restic twice: to back up, and for the listing that proves it", async () => {
  using host = new ScriptedHost([
    /^restic --repo \/srv\/repo backup /,
    { stdout: `{"message_type":"summary","total_files_processed":1,"snapshot_id":"4bba301e"}` },
    list,
    { stdout: listed() },
  ]);

  const { snapshots, evidence } = await open(host).backup(request(), work);

  assert.deepEqual([snapshots[0]?.id, evidence.listed], [id, true]);
  assert.equal(host.ran.length, 2);
});

test("a snapshot that is not listed afterwards is not proven", async () => {
  using host = new ScriptedHost([
    /backup/,
    { stdout: `{"message_type":"summary","snapshot_id":"ffffffff"}` },
    list,
    { stdout: listed() },
  ]);

  const { snapshots, evidence } = await open(host).backup(request(), work);

  assert.deepEqual([snapshots, evidence.listed], [[], false]);
});

test("success without a word about a snapshot is no success", async () => {
  using host = new ScriptedHost([/backup/, { stdout: "" }]);

  await assert.rejects(open(host).backup(request(), work), withCode("evidence-missing"));
});

test("a snapshot with unreadable files is kept, and says which and how many", async () => {
  const many = Array.from({ length: 150 }, (_, index) => failed("archival", `/home/${index}`));
  using host = new ScriptedHost([
    /backup/,
    {
      exitStatus: 3,
      stdout: `{"message_type":"summary","total_files_processed":1,"snapshot_id":"4bba301e"}`,
      stderr: [failed("scan", "/home/0"), ...many, "Warning: at least one file"].join("\n"),
    },
    list,
    { stdout: listed() },
  ]);

  const { snapshots, evidence } = await open(host).backup(request(), work);

  assert.equal(snapshots.length, 1);
  assert.equal(evidence.unreadable?.length, 100);
  assert.equal(evidence.unreadable[0], "/home/0");
  assert.equal(evidence.unreadableCount, 150);
});

test("exit status 3 without a name still counts", async () => {
  using host = new ScriptedHost([
    /backup/,
    { exitStatus: 3, stdout: `{"message_type":"summary","snapshot_id":"4bba301e"}` },
    list,
    { stdout: listed() },
  ]);

  const { evidence } = await open(host).backup(request(), work);

  assert.deepEqual([evidence.unreadable, evidence.unreadableCount], [[], 1]);
});

test("a parent that cannot be read means a damaged repository, not an unreadable file", async () => {
  using host = new ScriptedHost([
    /backup/,
    {
      exitStatus: 3,
      stdout: `{"message_type":"summary","snapshot_id":"4bba301e"}`,
      stderr: JSON.stringify({
        message_type: "error",
        error: { message: "tree 7a could not be loaded; the repository could be damaged: x" },
        during: "archival",
        item: "/home",
      }),
    },
  ]);

  await assert.rejects(open(host).backup(request(), work), withCode("repository-damaged"));
});

test("one snapshot for each source adds up to one evidence", async () => {
  const second = "5bba301e".padEnd(64, "0");
  const both = [
    ...JSON.parse(listed({ paths: ["/home"] })),
    ...JSON.parse(listed({ id: second, paths: ["/etc"], time: "2026-01-05T04:00:00Z" })),
  ];
  using host = new ScriptedHost([
    /backup .*-- \/home$/,
    summary(2, "4bba301e"),
    /backup .*-- \/etc$/,
    summary(3, "5bba301e"),
    list,
    { stdout: JSON.stringify(both) },
  ]);
  const done: (number | undefined)[] = [];
  const repository = open(host, { "snapshot-per-source": true });

  const { snapshots, evidence } = await repository.backup(request(["/home", "/etc"]), {
    signal,
    progress: ({ filesDone }) => done.push(filesDone),
  });

  assert.deepEqual(
    snapshots.map(({ id: made, series }) => [made, series]),
    [
      [id, "holdfast:documents /home"],
      [second, "holdfast:documents /etc"],
    ],
  );
  assert.deepEqual(evidence, { files: 5, bytes: 20, added: 8, seconds: 3, listed: true });
  assert.deepEqual(done, [1, 3]);
});

test("the lock of another machine is left alone, and its holder named", async () => {
  using host = new ScriptedHost([
    prune,
    lockedOut,
    locks,
    { stdout: `${id}\n` },
    showLock,
    lockOf({ hostname: "nas", pid: 7 }),
  ]);

  await assert.rejects(open(host).prune(work), (error) => {
    assert.ok(error instanceof HoldfastError && error.code === "repository-locked");
    assert.match(error.message, /exclusively by process 7 of .* on nas since/);
    assert.match(error.hint ?? "", /on nas: restic --repo \/srv\/repo unlock/);
    return true;
  });
});

test("the lock of a process that is gone is removed, and the verb done", async () => {
  using host = new ScriptedHost([
    prune,
    lockedOut,
    locks,
    { stdout: `${id}\n` },
    showLock,
    lockOf({ pid: 2 ** 22 + 1 }),
    "restic --repo /srv/repo unlock --json",
    {},
    prune,
    { stdout: "total prune:  1 blobs / 1.000 KiB" },
  ]);

  assert.deepEqual(await open(host).prune(work), { freedBytes: 1024 });
});

test("a lock that is gone when it is looked for is no reason to give up", async () => {
  using host = new ScriptedHost([prune, lockedOut, locks, { stdout: "" }, prune, {}]);

  assert.deepEqual(await open(host).prune(work), {});
});

test("a snapshot that the server kept is not forgotten", async () => {
  using host = new ScriptedHost([
    `restic --repo /srv/repo forget --json -- ${id}`,
    { stderr: `unable to remove snapshot/${id} from the repository` },
  ]);

  await assert.rejects(open(host).forget([id], work), (error) => {
    assert.ok(withCode("command-failed")(error));
    assert.match(String(error), /1 of 1 snapshots could not be removed/);
    return true;
  });
});

test("what is no whole id never reaches restic", async () => {
  using host = new ScriptedHost([]);
  const repository = open(host);

  await repository.forget(["latest", "4bba301e", "--prune", `${id}:sub`], work);
  const restore = { snapshot: "latest", include: [], target: "/tmp/restored" };
  await assert.rejects(repository.restore(restore, work), withCode("snapshot-missing"));
});

test("damage found by a check is an answer; being unable to look is not", async () => {
  const check = "restic --repo /srv/repo check --json";
  using damaged = new ScriptedHost([
    check,
    { exitStatus: 1, stderr: "error: pack 1: does not exist\nFatal: repository contains errors" },
  ]);
  using away = new ScriptedHost([
    check,
    { exitStatus: 1, stderr: "Fatal: dial tcp 192.0.2.1:22: connect: no route to host" },
  ]);
  using broken = new ScriptedHost([
    check,
    { exitStatus: 1, stderr: "Fatal: config or key 1 is damaged: ciphertext verification failed" },
  ]);

  assert.deepEqual(await open(damaged).check({}, work), { problems: ["pack 1: does not exist"] });
  await assert.rejects(open(away).check({}, work), withCode("host-unreachable"));
  assert.equal((await open(broken).check({}, work)).problems.length, 1);
});

test("restores from a disk that became read-only, without a lock", async () => {
  const paths = { "/tmp/restored": { kind: "missing" as const } };
  using host = new ScriptedHost(
    [
      `restic --repo /srv/repo restore --json --target /tmp/restored -- ${id}`,
      { exitStatus: 1, stderr: "Fatal: open /srv/repo/locks/1: read-only file system" },
      `restic --no-lock --repo /srv/repo restore --json --target /tmp/restored -- ${id}`,
      { stdout: `{"message_type":"summary","bytes_restored":5,"total_bytes":5}` },
    ],
    { paths },
  );

  const result = await open(host).restore(
    { snapshot: id, include: [], target: "/tmp/restored" },
    work,
  );

  assert.deepEqual(result, { bytes: 5, problems: [] });
});

test("an answer that is no JSON is an error, not an empty repository", async () => {
  using host = new ScriptedHost([list, { stdout: "Segmentation fault" }]);

  await assert.rejects(open(host).snapshots(job, signal), withCode("command-failed"));
});

test("a rewritten snapshot is another state, a copy is not", () => {
  using host = new ScriptedHost([]);
  const repository = open(host);
  const time = new Date();
  const aSnapshot = (name: string, origin: string) =>
    ({ id: name, origin, time, kind: "snapshot", labels: [] }) as const;

  const missing = repository.missing(
    [aSnapshot("a", "a:tree"), aSnapshot("b", "b:tree"), aSnapshot("c", "b:other tree")],
    [aSnapshot("copy of a", "a:tree"), aSnapshot("copy of b", "b:tree")],
  );

  assert.deepEqual(
    missing.map((snapshot) => snapshot.id),
    ["c"],
  );
});

test("copies need the same engine", async () => {
  using host = new ScriptedHost([]);
  const repository = open(host);
  const other: Repository = { ...repository, engine: "tar", name: "archives" };

  await assert.rejects(repository.init(signal, other), withCode("repository-unsupported"));
});
