// Mirrors over a real ssh: from here, to here, and within another machine.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { shortEngineContract, withCode, Workshop } from "../../../test/support/engine-contract.ts";
import { commandLine, killIfThere } from "../../../test/support/processes.ts";
import { mirrors, openMirror, withoutMirror } from "../../../test/support/rsync-places.ts";
import { type Sshd, sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { assertSameTree, makeHostileTree } from "../../../test/support/tree.ts";
import type { Host } from "../../hosts/host.ts";
import { anywhere, type OpenedHost } from "../../hosts/hosts.ts";
import { AnyHost } from "../../hosts/ssh/index.ts";
import { localHost } from "../../hosts/local.ts";

/** Kills the ssh of each rsync that names a path: what the other end notices is a connection that broke. */
function killConnectionsOf(path: string): void {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  for (const pid of pids) {
    const line = commandLine(pid);
    if (!/(^|\/)rsync /.test(line) || !line.includes(path)) continue;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .map(Number);
    for (const child of children) {
      if (/(^|\/)ssh /.test(commandLine(child))) killIfThere(child);
    }
  }
}

// What a shell, rsync's own patterns or a careless splitting would make something else of.
const hostile = 'it\'s a*[b]? "$(touch oops)" ; x\\y';

suite("over ssh", { skip: withoutTools(...sshdTools) || withoutMirror("hard-links") }, () => {
  let server: Sshd | undefined;
  const opened: OpenedHost[] = [];
  const open = (name: string): Host => {
    assert.ok(server);
    const spec = AnyHost.parse(server.entry);
    const here = localHost();
    const host = spec.open({ name, here, choice: anywhere, specs: new Map([[name, spec]]) });
    opened.push(host);
    return host.host;
  };
  let far: Host | undefined;
  const host = (): Host => (far ??= open("server"));
  before(async () => {
    server = await startSshd();
  });
  after(async () => {
    for (const each of opened) await each[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  shortEngineContract(mirrors("hard-links", { host, folder: hostile }));

  for (const layout of ["none", "btrfs"] as const) {
    test(`mirrors from here to there, with snapshots: ${layout}`, async () => {
      await using workshop = await Workshop.open(mirrors(layout, { host, folder: hostile }));
      await makeHostileTree(workshop.source);

      const snapshot = await workshop.snapshot();

      assert.deepEqual(await workshop.list(), [snapshot]);
      const { path } = await workshop.restored(snapshot);
      await assertSameTree(workshop.source, path);
    });
  }

  test("fetches from there into a mirror here, and restores what it holds", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links"));
    const source = join(workshop.directory, hostile);
    await mkdir(join(workshop.directory, 'it\'s axb "$(touch oops)" ; x\\y'));
    await makeHostileTree(source);

    const repository = workshop.place.open();
    const request = workshop.request({ paths: [source], sourceHost: host() });
    const { snapshots } = await repository.backup(request, workshop.work);

    const [snapshot] = snapshots;
    assert.ok(snapshot);
    assert.equal(snapshot.host, "server");
    const { path } = await workshop.restored(snapshot, repository);
    await assertSameTree(source, path);
  });

  test("mirrors within another machine by a rsync that runs there", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links", { host, folder: hostile }));
    const source = join(workshop.directory, hostile);
    await makeHostileTree(source);

    const request = workshop.request({ paths: [source], sourceHost: open("server") });
    await workshop.place.open().backup(request, workshop.work);

    await assertSameTree(source, await realpath(join(workshop.place.location, "latest")));
  });

  test("copies the snapshots of a mirror there to one here, and back", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links", { host, folder: hostile }));
    await using here = await mirrors("hard-links").newPlace();
    await here.create();
    const there = workshop.place.open();
    const first = await workshop.snapshot(there);
    await workshop.change("second");
    await workshop.snapshot(there);
    const snapshots = await workshop.list(there);
    const job = { name: "contract", paths: [workshop.source] };

    const fetched = await here.open().copy(there, { job, snapshots }, workshop.work);
    await there.forget([first.id], workshop.work);
    const returned = await there.copy(
      here.open(),
      { job, snapshots: fetched.after },
      workshop.work,
    );

    assert.deepEqual(
      fetched.copied.map(({ id }) => id),
      snapshots.map(({ id }) => id),
    );
    assert.deepEqual(
      returned.copied.map(({ id }) => id),
      [first.id],
    );
    assert.deepEqual(
      (await workshop.list(there)).map(({ id }) => id),
      snapshots.map(({ id }) => id),
    );
    const link = await realpath(join(workshop.place.location, "latest"));
    assert.equal(link, join(workshop.place.location, "snapshots", snapshots[1]?.id ?? ""));
  });

  test("says that it cannot go from one other machine to a second one", async () => {
    await using workshop = await Workshop.open(mirrors("none", { host, folder: "mirror" }));

    const request = workshop.request({ sourceHost: open("second") });
    const backup = workshop.place.open().backup(request, workshop.work);

    await assert.rejects(backup, withCode("repository-unsupported"));
  });

  test("tells a connection that breaks from everything else, and goes on afterwards", async () => {
    await using workshop = await Workshop.open(mirrors("hard-links", { host, folder: "mirror" }));
    await makeHostileTree(workshop.source);
    const { location } = workshop.place;
    const options = { "extra-options": ["--bwlimit=256k"] };
    const slow = openMirror("hard-links", location, { host: host(), options });

    const broken = slow.backup(workshop.request(), {
      signal: workshop.work.signal,
      progress: () => killConnectionsOf(location),
    });

    await assert.rejects(broken, withCode("host-unreachable"));
    assert.deepEqual(await workshop.list(), []);
    const snapshot = await workshop.snapshot();
    assert.deepEqual(await readdir(join(location, "snapshots")), [snapshot.id]);
  });
});
