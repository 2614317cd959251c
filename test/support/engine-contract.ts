// Knows: everything the rest of the program takes for granted of any engine. Must not know: any engine.
import assert from "node:assert/strict";
import {
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  realpath,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import type {
  BackupRequest,
  JobIdentity,
  PlannedVerb,
  Repository,
  Work,
} from "../../src/engines/engine.ts";
import type { Command, Host } from "../../src/hosts/host.ts";
import { localHost } from "../../src/hosts/local.ts";
import { readOnlyHost } from "../../src/hosts/read-only.ts";
import { HoldfastError, type ErrorCode } from "../../src/kernel/errors.ts";
import type { PreparedSource } from "../../src/kernel/prepared-source.ts";
import type { Progress } from "../../src/kernel/progress.ts";
import type { Snapshot } from "../../src/kernel/snapshot.ts";
import { FaultyHost } from "./faulty-host.ts";
import { assertSameTree, makeHostileTree } from "./tree.ts";

/** How a repository is opened otherwise than usual. */
export interface Opening {
  readonly host?: Host;
  readonly password?: string;
}

/** A place for one repository; whatever is there vanishes when it is disposed of. */
export interface RepositoryPlace extends AsyncDisposable {
  readonly location: string;
  open(opening?: Opening): Repository;
  /** Makes an empty repository, the quickest way there is. */
  create(): Promise<void>;
  /** Changes a byte of stored data behind the tool's back. Where it can, the whole contract is run. */
  damage?(): Promise<void>;
  /** Where sources and targets are, when a repository keeps only what is beside it. Default: anywhere. */
  readonly beside?: string;
  /** The machine that sources are on. Default: this one. */
  readonly sourceHost?: Host;
  /** Makes a source there. Default: a folder. */
  makeSource?(path: string): Promise<void>;
}

/** An engine with one way of reaching its repositories. */
export interface EngineUnderTest {
  readonly name: string;
  /** Why none of it can run here, or false. */
  readonly skip: string | false;
  /** The password with which `open` opens. */
  readonly secret: string;
  newPlace(): Promise<RepositoryPlace>;
  /** Where a restore puts a path that was backed up. */
  restoredAt(target: string, path: string): string;
  /** What is safe to read, as a source would hand it over. Default: the paths. */
  prepare?(paths: readonly string[]): PreparedSource;
  /** What its tool has no means for, so that nothing can be asked of it there. */
  readonly lacks?: ReadonlySet<Lack>;
  /** An argument of a command with what the moment made of it taken out: a preview cannot know it. */
  readonly timeless?: (argument: string) => string;
}

/** What a kind of repository may lack by its nature. */
export type Lack =
  /** Nothing is secret about it. */
  | "passwords"
  /** Its listing is no secret; the password opens what is in it. */
  | "sealed-listings"
  /** It holds the newest state alone. */
  | "history"
  /** One job alone can have it. */
  | "jobs"
  /** It notices damage only where it can compare with something else. */
  | "checksums"
  /** A restore may share data with the snapshot, and then reads none. */
  | "reading"
  /** A backup takes one moment, and knows neither files nor bytes. */
  | "figures"
  /** Its source is one subvolume, or one store. */
  | "paths"
  /** What it keeps comes from no path of a machine. */
  | "places"
  /** It keeps files, folders and times: no modes, no links, no names that are no text. */
  | "attributes";

/** Everything the rest of the program takes for granted of any engine. Every engine runs all of it. */
export function engineContract(engine: EngineUnderTest): void {
  const { name, skip } = engine;
  suite(`${name} keeps the engine contract`, { skip, concurrency: 3 }, () => {
    makesAndRestores(engine);
    forgets(engine);
    copies(engine);
    isOrIsNotThere(engine);
    findsDamage(engine);
    survivesInterruption(engine);
    keepsToItself(engine);
  });
}

/** What differs between ways of reaching a repository: the rest is the tool's own affair. */
export function shortEngineContract(engine: EngineUnderTest): void {
  const { name, skip } = engine;
  suite(`${name} keeps the engine contract`, { skip }, () => {
    makesAndRestores(engine, "short");
    forgets(engine);
    copies(engine);
    isOrIsNotThere(engine);
  });
}

const job: JobIdentity = { name: "contract", paths: [] };

const everything = {
  exclude: [],
  excludeFiles: [],
  excludeIfPresent: [],
  ignoreCase: false,
  oneFileSystem: false,
};

/** A place with a repository and a source with a few files, for one test. */
export class Workshop implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly engine: EngineUnderTest;
  readonly place: RepositoryPlace;
  readonly directory: string;
  readonly source: string;
  readonly progress: Progress[] = [];
  readonly work: Work;

  private constructor(engine: EngineUnderTest, directory: string, place: RepositoryPlace) {
    this.engine = engine;
    this.directory = directory;
    this.place = place;
    this.source = join(directory, "source");
    this.work = {
      signal: new AbortController().signal,
      progress: (progress) => this.progress.push(progress),
    };
    this.#stack.use(place);
    this.#stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  }

  static async open(
    engine: EngineUnderTest,
    { empty = false }: { readonly empty?: boolean } = {},
  ): Promise<Workshop> {
    const place = await engine.newPlace();
    const around = place.beside ?? (await realpath(tmpdir()));
    const directory = await mkdtemp(join(around, "holdfast-engine-"));
    const workshop = new Workshop(engine, directory, place);
    try {
      if (place.makeSource === undefined) await mkdir(workshop.source);
      else await place.makeSource(workshop.source);
      await workshop.change("first");
      if (!empty) await workshop.place.create();
      return workshop;
    } catch (error) {
      await workshop[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes the source another one than it was. */
  async change(text: string): Promise<void> {
    await writeFile(join(this.source, "file"), text);
  }

  request(changes: Partial<BackupRequest> & { readonly paths?: readonly string[] } = {}) {
    const { paths = [this.source], ...rest } = changes;
    return {
      job: job.name,
      source: prepared(this.engine, paths),
      selection: everything,
      sourceHost: this.place.sourceHost ?? localHost(),
      labels: [],
      full: false,
      allowDeletions: false,
      ...rest,
    } satisfies BackupRequest;
  }

  /** Backs up the source as it is now, and returns the one snapshot. */
  async snapshot(repository: Repository = this.place.open()): Promise<Snapshot> {
    const { snapshots } = await repository.backup(this.request(), this.work);
    const [snapshot] = snapshots;
    assert.ok(snapshot !== undefined && snapshots.length === 1);
    return snapshot;
  }

  async list(repository: Repository = this.place.open()): Promise<readonly Snapshot[]> {
    return await repository.snapshots({ ...job, paths: [this.source] }, this.work.signal);
  }

  /** Restores all of a snapshot into a new directory, and says where the source is in it. */
  async restored(
    snapshot: Snapshot,
    repository: Repository = this.place.open(),
  ): Promise<{ readonly path: string; readonly problems: readonly string[] }> {
    const target = await mkdtemp(join(this.directory, "target-"));
    const { problems } = await repository.restore(
      { snapshot: snapshot.id, include: [], target },
      this.work,
    );
    return { path: this.engine.restoredAt(target, this.source), problems };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What a file of the source is called in a snapshot. */
function keptAs(engine: EngineUnderTest, source: string, name: string): string {
  return engine.lacks?.has("places") === true ? name : join(source, name);
}

/** For `skip`: that an engine lacks one of these, or false. */
function without(engine: EngineUnderTest, ...lacks: readonly Lack[]): string | false {
  const lacking = lacks.filter((lack) => engine.lacks?.has(lack));
  return lacking.length === 0 ? false : `it has no ${lacking.join(" and no ")}`;
}

async function release(): Promise<void> {
  // Nothing was prepared.
}

/** What is safe to read, as a source would hand it over. */
function prepared(engine: EngineUnderTest, paths: readonly string[]): PreparedSource {
  const [path] = paths;
  if (engine.prepare !== undefined) return engine.prepare(paths);
  return engine.lacks?.has("paths") === true && path !== undefined
    ? { kind: "subvolume", path, [Symbol.asyncDispose]: release }
    : { kind: "paths", paths, [Symbol.asyncDispose]: release };
}

function makesAndRestores(engine: EngineUnderTest, length: "whole" | "short" = "whole"): void {
  test("lists the snapshot it has just made, and proves it", async () => {
    await using workshop = await Workshop.open(engine);
    const repository = workshop.place.open();

    const { snapshots, after, evidence } = await repository.backup(
      workshop.request({ labels: ["before, the upgrade", "50%"] }),
      workshop.work,
    );

    assert.deepEqual(await workshop.list(repository), after);
    assert.deepEqual(after, snapshots);
    const [snapshot] = snapshots;
    const isPlaced = without(engine, "places") === false;
    assert.deepEqual(snapshot?.paths, isPlaced ? [workshop.source] : undefined);
    assert.deepEqual(new Set(snapshot?.labels), new Set(["before, the upgrade", "50%"]));
    assert.ok(Math.abs((snapshot?.time.getTime() ?? 0) - Date.now()) < 60_000);
    const { listed, files, bytes, unreadable } = evidence;
    assert.deepEqual({ listed, unreadable }, { listed: true, unreadable: undefined });
    if (engine.lacks?.has("figures") === true) return;
    assert.deepEqual({ files, bytes }, { files: 1, bytes: "first".length });
  });

  const complete = { skip: without(engine, "attributes") };
  test("restores every name, mode, time and link byte for byte", complete, async () => {
    await using workshop = await Workshop.open(engine);
    await makeHostileTree(workshop.source);
    const snapshot = await workshop.snapshot();

    const { path, problems } = await workshop.restored(snapshot);

    assert.deepEqual(problems, []);
    await assertSameTree(workshop.source, path);
  });

  test("restores only what is asked for, taken literally", async () => {
    await using workshop = await Workshop.open(engine);
    await makeHostileTree(workshop.source);
    await writeFile(join(workshop.source, "names", "*?[a-z] too"), "");
    const snapshot = await workshop.snapshot();
    const target = join(workshop.directory, "target");
    const link = without(engine, "attributes") === false ? ["dangling"] : [];
    const wanted = ["names/*?[a-z]", "names/line\nfeed", ...link];

    const { problems } = await workshop.place.open().restore(
      {
        snapshot: snapshot.id,
        include: [...wanted, "not there"].map((name) => keptAs(engine, workshop.source, name)),
        target,
        ...(snapshot.paths === undefined ? {} : { paths: snapshot.paths }),
      },
      workshop.work,
    );

    const root = engine.restoredAt(target, workshop.source);
    const found = await readdir(root, { recursive: true });
    assert.deepEqual(new Set(found), new Set(["names", ...wanted]));
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /not there/);
  });

  if (length === "short") return;

  const measured = { skip: without(engine, "figures") };
  test("reports progress while it works", measured, async () => {
    await using workshop = await Workshop.open(engine);
    await makeHostileTree(workshop.source);
    await sparseFile(join(workshop.source, "sparse"), 900 * 1024 ** 2);

    const { evidence } = await workshop.place.open().backup(workshop.request(), workshop.work);

    assert.ok(workshop.progress.length > 0);
    for (const { bytesDone, bytesTotal } of workshop.progress) {
      assert.equal(typeof bytesDone, "number");
      assert.equal(typeof bytesTotal, "number");
    }
    assert.ok((evidence.bytes ?? 0) > 900 * 1024 ** 2);
  });

  const sharing = { skip: without(engine, "jobs", "history") };
  test("lists oldest first, and keeps the jobs of one repository apart", sharing, async () => {
    await using workshop = await Workshop.open(engine);
    const repository = workshop.place.open();
    const mine = await workshop.snapshot(repository);
    const other = join(workshop.directory, "other");
    await mkdir(other);
    await writeFile(join(other, "file"), "of the other");
    await repository.backup(workshop.request({ job: "other", paths: [other] }), workshop.work);
    const later = await workshop.snapshot(repository);

    const listed = await workshop.list(repository);

    assert.equal(listed.length, 3);
    assert.deepEqual([listed[0]?.id, listed[2]?.id], [mine.id, later.id]);
    const [series] = repository.series({ ...job, paths: [workshop.source] });
    assert.deepEqual(
      listed.map((snapshot) => snapshot.series),
      [series, undefined, series],
    );
  });

  test("finds a path in the snapshots that hold it, newest first", async () => {
    await using workshop = await Workshop.open(engine);
    const repository = workshop.place.open();
    await workshop.snapshot(repository);
    await writeFile(join(workshop.source, "new\nname"), "12345");
    const second = await workshop.snapshot(repository);
    const third = await workshop.snapshot(repository);
    const listed = await workshop.list(repository);

    const found = await repository.find("new*", listed, workshop.work.signal);
    const [newest = second] = listed.slice(-1);
    const inSecond = await repository.find("new*", [newest], workshop.work.signal);

    const holding = listed.filter(({ id }) => id === third.id || id === second.id).toReversed();
    assert.deepEqual(
      found.map(({ snapshot, path, bytes }) => [snapshot, path, bytes]),
      holding.map(({ id }) => [id, keptAs(engine, workshop.source, "new\nname"), 5]),
    );
    assert.equal(holding.length, engine.lacks?.has("history") === true ? 1 : 2);
    assert.deepEqual(inSecond.length, 1);
    assert.deepEqual(await repository.find("absent", listed, workshop.work.signal), []);
  });

  const several = { skip: without(engine, "paths") };
  test("backs up an empty folder as a snapshot without files", several, async () => {
    await using workshop = await Workshop.open(engine);
    const empty = join(workshop.directory, "empty");
    await mkdir(empty);

    const { snapshots, evidence } = await workshop.place
      .open()
      .backup(workshop.request({ paths: [empty] }), workshop.work);

    assert.equal(snapshots.length, 1);
    assert.deepEqual([evidence.files, evidence.bytes], [0, 0]);
  });

  test("backs up more paths than fit into one command line", several, async () => {
    await using workshop = await Workshop.open(engine);
    const folders = Array.from({ length: 2000 }, (_, index) =>
      join(workshop.source, `${"long ".repeat(20)}${index}`),
    );
    for (const folder of folders) await mkdir(folder);

    const { snapshots } = await workshop.place
      .open()
      .backup(workshop.request({ paths: folders }), workshop.work);

    assert.deepEqual(new Set(snapshots[0]?.paths), new Set(folders));
  });

  test("looks without changing anything", async () => {
    await using workshop = await Workshop.open(engine);
    const snapshot = await workshop.snapshot();
    const repository = workshop.place.open({ host: readOnlyHost(localHost()) });
    const { signal } = workshop.work;

    assert.equal(await repository.exists(signal), true);
    assert.deepEqual(await workshop.list(repository), [snapshot]);
    assert.equal((await repository.find("file", [snapshot], signal)).length, 1);
  });
}

function forgets(engine: EngineUnderTest): void {
  test("forgets what it is told, twice without complaint, and nothing else", async () => {
    await using workshop = await Workshop.open(engine);
    const repository = workshop.place.open();
    const first = await workshop.snapshot(repository);
    await workshop.change("second");
    const second = await workshop.snapshot(repository);
    const unknown = first.id.split("").toReversed().join("");

    await repository.forget([first.id], workshop.work);
    await repository.forget([first.id, unknown], workshop.work);
    await repository.forget(["latest", "", "-1"], workshop.work);
    await repository.forget([], workshop.work);
    await repository.prune(workshop.work);

    assert.deepEqual(await workshop.list(repository), [second]);
    const { path } = await workshop.restored(second, repository);
    assert.equal(await readFile(join(path, "file"), "utf8"), "second");
  });

  test("refuses to restore a snapshot that is not there", async () => {
    await using workshop = await Workshop.open(engine);
    const repository = workshop.place.open();
    const snapshot = await workshop.snapshot(repository);
    const unknown = snapshot.id.split("").toReversed().join("");

    for (const id of [unknown, "latest", snapshot.id.slice(0, 8)]) {
      await assert.rejects(
        repository.restore(
          { snapshot: id, include: [], target: join(workshop.directory, "target") },
          workshop.work,
        ),
        withCode("snapshot-missing"),
      );
    }
  });
}

function copies(engine: EngineUnderTest): void {
  test("copies what is lacking, and the second time nothing", async () => {
    await using workshop = await Workshop.open(engine);
    await using further = await engine.newPlace();
    const from = workshop.place.open();
    const to = further.open();
    await workshop.snapshot(from);
    await workshop.change("second");
    await workshop.snapshot(from);
    const theirs = await workshop.list(from);
    const request = { job: { ...job, paths: [workshop.source] }, snapshots: theirs };

    await to.init(workshop.work.signal, from);
    const lacking = to.missing(theirs, await workshop.list(to));
    const once = await to.copy(from, request, workshop.work);
    const twice = await to.copy(from, request, workshop.work);

    assert.deepEqual(lacking, theirs);
    assert.deepEqual(
      once.copied.map((copy) => copy.from),
      theirs.map(({ id }) => id),
    );
    assert.deepEqual(twice.copied, []);
    assert.deepEqual(once.evidence.listed, true);
    assert.deepEqual(to.missing(theirs, once.after), []);
    assert.deepEqual(
      once.after.map(({ time, series }) => [time, series]),
      theirs.map(({ time, series }) => [time, series]),
    );
    const newest = once.after.at(-1);
    assert.ok(newest !== undefined);
    assert.equal(newest.id, once.copied.at(-1)?.id);
    const { path } = await workshop.restored(newest, to);
    assert.equal(await readFile(join(path, "file"), "utf8"), "second");
  });
}

function isOrIsNotThere(engine: EngineUnderTest): void {
  test("is there after init, which does not make it twice", async () => {
    await using workshop = await Workshop.open(engine, { empty: true });
    const repository = workshop.place.open();
    const { signal } = workshop.work;

    assert.equal(await repository.exists(signal), false);
    await repository.init(signal);
    assert.equal(await repository.exists(signal), true);
    assert.deepEqual(await workshop.list(repository), []);
    const snapshot = await workshop.snapshot(repository);
    await assert.rejects(repository.init(signal), withCode("repository-exists"));
    assert.deepEqual(await workshop.list(repository), [snapshot]);
  });

  test("says of every verb that there is no repository", async () => {
    await using workshop = await Workshop.open(engine, { empty: true });
    const repository = workshop.place.open();
    const missing = withCode("repository-missing");
    const id = "0".repeat(64);

    await assert.rejects(workshop.list(repository), missing);
    await assert.rejects(repository.backup(workshop.request(), workshop.work), missing);
    await assert.rejects(repository.forget([id], workshop.work), missing);
    await assert.rejects(repository.prune(workshop.work), missing);
    await assert.rejects(repository.check({}, workshop.work), missing);
    const target = join(workshop.directory, "target");
    await assert.rejects(
      repository.restore({ snapshot: id, include: [], target }, workshop.work),
      missing,
    );
  });

  const locked = { skip: without(engine, "passwords") };
  test("tells a wrong password from everything else", locked, async () => {
    await using workshop = await Workshop.open(engine);
    const repository = workshop.place.open({ password: "not the one" });

    if (engine.lacks?.has("sealed-listings") === true) await workshop.snapshot();
    else {
      await assert.rejects(workshop.list(repository), withCode("password-wrong"));
      await assert.rejects(repository.exists(workshop.work.signal), withCode("password-wrong"));
    }
    await assert.rejects(
      repository.backup(workshop.request(), workshop.work),
      withCode("password-wrong"),
    );
  });
}

function findsDamage(engine: EngineUnderTest): void {
  test("finds nothing wrong with a whole repository, and a changed byte in a damaged one", async () => {
    await using workshop = await Workshop.open(engine);
    await makeHostileTree(workshop.source);
    const repository = workshop.place.open();
    const snapshot = await workshop.snapshot(repository);
    const source = { what: prepared(engine, [workshop.source]), host: localHost() };
    const whole = await repository.check({ readData: "100%", source }, workshop.work);
    const partly = await repository.check({ readData: "50%", source }, workshop.work);

    await workshop.place.damage?.();
    const damaged = await repository.check({ readData: "100%", source }, workshop.work);
    const restored = await workshop.restored(snapshot, repository);

    assert.deepEqual([whole.problems, partly.problems], [[], []]);
    assert.notDeepEqual(damaged.problems, []);
    if (without(engine, "checksums", "reading") === false) {
      assert.notDeepEqual(restored.problems, []);
    }
  });
}

function survivesInterruption(engine: EngineUnderTest): void {
  test("refuses to begin after an abort", async () => {
    await using workshop = await Workshop.open(engine);
    using host = new FaultyHost(localHost(), []);
    const repository = workshop.place.open({ host });
    const work = { ...workshop.work, signal: AbortSignal.abort() };

    await assert.rejects(repository.backup(workshop.request(), work), withCode("interrupted"));
    await assert.rejects(repository.prune(work), withCode("interrupted"));

    assert.deepEqual(await workshop.list(), []);
  });

  const lasting = { skip: without(engine, "figures") };
  test("ends at an abort, leaves nothing running, and works again", lasting, async () => {
    await using workshop = await Workshop.open(engine);
    const first = await workshop.snapshot();
    await sparseFile(join(workshop.source, "sparse"), 16 * 1024 ** 3);
    const repository = workshop.place.open();
    const abort = new AbortController();

    const backup = repository.backup(workshop.request(), {
      signal: abort.signal,
      progress: ({ bytesDone = 0 }) => {
        if (bytesDone > 0) abort.abort();
      },
    });
    await assert.rejects(backup, withCode("interrupted"));

    assert.deepEqual(await processesNaming(workshop.place.location), []);
    const unharmed = engine.lacks?.has("history") === true ? [] : [first];
    assert.deepEqual(await workshop.list(), unharmed);
    await rm(join(workshop.source, "sparse"));
    await workshop.snapshot();
    await workshop.place.open().forget([first.id], workshop.work);
    await workshop.place.open().prune(workshop.work);
    assert.deepEqual((await workshop.place.open().check({}, workshop.work)).problems, []);
  });

  for (const verb of ["init", "backup", "copy", "forget", "prune"] as const) {
    test(`survives being killed at every command of ${verb}`, async () => {
      const commands = await commandsOf(engine, verb);

      for (const [at, command] of commands.entries()) {
        // Making a repository takes seconds, whatever the machine.
        const moments = verb === "init" || command.effect === "reads" ? [40] : [15, 90];
        for (const afterMs of moments) await killAt(engine, verb, { at, afterMs });
      }
    });
  }
}

type Verb = "init" | "backup" | "copy" | "forget" | "prune";

/** What a verb is tried on. */
interface Trial {
  readonly workshop: Workshop;
  readonly further: RepositoryPlace;
  /** Snapshots that no fault may touch. */
  readonly safe: readonly Snapshot[];
  readonly superfluous: Snapshot;
}

async function prepareTrial(
  engine: EngineUnderTest,
  verb: Verb,
  stack: AsyncDisposableStack,
): Promise<Trial> {
  const workshop = stack.use(await Workshop.open(engine));
  const further = stack.use(await engine.newPlace());
  const repository = workshop.place.open();
  const superfluous = await workshop.snapshot(repository);
  await writeFile(join(workshop.source, "data"), Buffer.alloc(2 * 1024 * 1024, "changed"));
  const newest = await workshop.snapshot(repository);
  // What holds the newest state alone may lose it to a newer one that is on its way.
  const safe = engine.lacks?.has("history") === true && verb !== "copy" ? [] : [newest];
  if (verb === "copy") await further.create();
  if (verb === "prune") await repository.forget([superfluous.id], workshop.work);
  await workshop.change("changed");
  return { workshop, further, safe, superfluous };
}

async function act(trial: Trial, verb: Verb, host: Host): Promise<void> {
  const { workshop, further, safe, superfluous } = trial;
  const { work } = workshop;
  const repository = workshop.place.open({ host });
  switch (verb) {
    case "init":
      return await further.open({ host }).init(work.signal);
    case "backup":
      return void (await repository.backup(workshop.request(), work));
    case "copy": {
      const request = { job: { ...job, paths: [workshop.source] }, snapshots: safe };
      return void (await further.open({ host }).copy(workshop.place.open(), request, work));
    }
    case "forget":
      return await repository.forget([superfluous.id], work);
    case "prune":
      return void (await repository.prune(work));
  }
}

async function commandsOf(engine: EngineUnderTest, verb: Verb): Promise<readonly Command[]> {
  await using stack = new AsyncDisposableStack();
  const trial = await prepareTrial(engine, verb, stack);
  using host = new FaultyHost(localHost(), []);
  await act(trial, verb, host);
  return host.asked;
}

async function killAt(
  engine: EngineUnderTest,
  verb: Verb,
  { at, afterMs }: { readonly at: number; readonly afterMs: number },
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const trial = await prepareTrial(engine, verb, stack);
  const { workshop, further } = trial;
  {
    using host = new FaultyHost(localHost(), [{ at, fault: { kind: "kill", afterMs } }]);
    await act(trial, verb, host).catch(() => {
      // Killed, or quicker than that: what counts is what is left.
    });
  }

  const after = localHost();
  for (const place of verb === "init" ? [] : [workshop.place]) {
    for (const snapshot of await workshop.list(place.open())) {
      assert.deepEqual((await workshop.restored(snapshot, place.open())).problems, []);
    }
  }
  await act(trial, verb, after).catch((error: unknown) => {
    // It had been done when it was killed.
    if (!(error instanceof HoldfastError) || error.code !== "repository-exists") throw error;
  });
  const again = verb === "init" || verb === "copy" ? further : workshop.place;
  assert.equal(await again.open().exists(workshop.work.signal), true);
  const { problems } = await again.open().check({ readData: "100%" }, workshop.work);
  assert.deepEqual(problems, [], `${verb} killed at command ${at} after ${afterMs} ms`);
  const ids = (await workshop.list()).map(({ id }) => id);
  assert.ok(trial.safe.every(({ id }) => ids.includes(id)));
}

function keepsToItself(engine: EngineUnderTest): void {
  test("never writes outside the target of a restore", async () => {
    await using workshop = await Workshop.open(engine);
    const outside = join(workshop.directory, "outside");
    await mkdir(outside);
    const repository = workshop.place.open();
    const target = join(workshop.directory, "target");
    await symlink(outside, join(workshop.source, "sub"));
    const asLink = await workshop.snapshot(repository);
    await repository.restore({ snapshot: asLink.id, include: [], target }, workshop.work);
    await rm(join(workshop.source, "sub"));
    await mkdir(join(workshop.source, "sub"));
    await writeFile(join(workshop.source, "sub", "escaped"), "");
    const asFolder = await workshop.snapshot(repository);

    await repository
      .restore({ snapshot: asFolder.id, include: [], target }, workshop.work)
      .catch((error: unknown) => {
        assert.ok(error instanceof HoldfastError && error.code === "target-invalid");
      });

    assert.deepEqual(await readdir(outside), []);
  });

  const secret = { skip: without(engine, "passwords") };
  test("hands its password over where no other user of the host can see it", secret, async () => {
    await using workshop = await Workshop.open(engine);
    await using further = await engine.newPlace();
    using host = new FaultyHost(localHost(), []);
    const repository = workshop.place.open({ host });
    using seen = watchCommandLines(workshop.place.location);

    const snapshot = await workshop.snapshot(repository);
    await further.open({ host }).init(workshop.work.signal, repository);
    const request = { job: { ...job, paths: [workshop.source] }, snapshots: [snapshot] };
    await further.open({ host }).copy(repository, request, workshop.work);
    await repository.check({}, workshop.work);
    await repository.forget([snapshot.id], workshop.work);
    const failure = await workshop
      .list(workshop.place.open({ host, password: "not the one" }))
      .catch((error: unknown) => error);

    assert.ok(host.asked.length > 5);
    if (engine.lacks?.has("passwords") === true) return;
    assert.ok(seen.lines.size > 0);
    const secrets = new RegExp(`${engine.secret}|not the one`);
    const shown = inspect([host.asked, repository, failure, [...seen.lines]], { depth: 12 });
    assert.doesNotMatch(shown + JSON.stringify(host.asked), secrets);
  });

  test("runs what it previewed", async () => {
    await using workshop = await Workshop.open(engine);
    await using further = await engine.newPlace();
    using host = new FaultyHost(localHost(), []);
    const repository = workshop.place.open({ host });
    const copy = further.open({ host });
    const target = join(workshop.directory, "target");
    const request = workshop.request({ labels: ["a label"] });
    const assertPreviewed = async (
      of: Repository,
      planned: PlannedVerb,
      run: () => Promise<unknown>,
    ): Promise<void> => {
      const timeless = ({ argv }: Command) => argv.map((word) => engine.timeless?.(word) ?? word);
      const previewed = of.preview(planned).map(timeless);
      const before = host.asked.length;
      await run();
      const ran = host.asked.slice(before).filter(({ effect }) => effect === "writes");
      assert.deepEqual(ran.map(timeless), previewed, planned.verb);
      if (engine.lacks?.has("passwords") === true) return;
      assert.doesNotMatch(inspect(of.preview(planned), { depth: 9 }), new RegExp(engine.secret));
    };

    await assertPreviewed(repository, { verb: "backup", request }, async () => {
      await repository.backup(request, workshop.work);
    });
    await assertPreviewed(copy, { verb: "init", from: repository }, async () => {
      await copy.init(workshop.work.signal, repository);
    });
    const snapshots = await workshop.list(repository);
    const [snapshot] = snapshots;
    assert.ok(snapshot !== undefined);
    await assertPreviewed(copy, { verb: "copy", from: repository, snapshots }, async () => {
      await copy.copy(repository, { job, snapshots }, workshop.work);
    });
    const { paths = [] } = snapshot;
    const include = [keptAs(engine, workshop.source, "file")];
    const restore = { snapshot: snapshot.id, include, target, paths };
    await assertPreviewed(repository, { verb: "restore", request: restore }, async () => {
      await repository.restore(restore, workshop.work);
    });
    const level = { readData: "100%" };
    await assertPreviewed(repository, { verb: "check", level }, async () => {
      await repository.check(level, workshop.work);
    });
    // The only one that is left may be another matter than one of several.
    if (engine.lacks?.has("history") !== true) await workshop.snapshot(repository);
    const ids = [snapshot.id];
    await assertPreviewed(repository, { verb: "forget", ids }, async () => {
      await repository.forget(ids, workshop.work);
    });
    await assertPreviewed(repository, { verb: "prune" }, async () => {
      await repository.prune(workshop.work);
    });
  });
}

/** For `assert.rejects`: a failure that this program explains, with this code and in whole sentences. */
export function withCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HoldfastError, inspect(error));
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message, /undefined|\[object|\.$/);
    return true;
  };
}

/** A file that takes no space and yet has to be read. */
async function sparseFile(path: string, bytes: number): Promise<void> {
  await using file = await open(path, "w");
  await file.truncate(bytes);
}

async function commandLines(): Promise<readonly string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return await Promise.all(
    // It may have ended since it was listed.
    ids.map(async (id) => await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")),
  );
}

async function processesNaming(text: string): Promise<readonly string[]> {
  return (await commandLines()).filter((line) => line.includes(text));
}

/** Collects the command lines that name a text, as another user of the machine would see them. */
function watchCommandLines(text: string): Disposable & { readonly lines: ReadonlySet<string> } {
  const lines = new Set<string>();
  const watching = new AbortController();
  const watch = async (): Promise<void> => {
    while (!watching.signal.aborted) {
      for (const line of await processesNaming(text)) lines.add(line);
      await sleep(20);
    }
  };
  void watch();
  return {
    lines,
    [Symbol.dispose]() {
      watching.abort();
    },
  };
}
