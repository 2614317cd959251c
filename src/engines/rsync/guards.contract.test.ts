// What would cost the only copy: each with the real rsync.
import assert from "node:assert/strict";
import { appendFile, chmod, chown, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { withCode, Workshop } from "../../../test/support/engine-contract.ts";
import { mirrors, openMirror, withoutMirror } from "../../../test/support/rsync-places.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import type { Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";

async function fill(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index += 1)
    await writeFile(join(folder, `f${index}`), `${index}`);
}

async function empty(folder: string): Promise<void> {
  await rm(folder, { recursive: true });
  await mkdir(folder);
}

for (const layout of ["none", "btrfs"] as const) {
  suite(`a guarded mirror: ${layout}`, { skip: withoutMirror(layout) }, () => {
    test("keeps what it holds of a source that is empty beside a full one", async () => {
      await using workshop = await Workshop.open(mirrors(layout));
      const [large = "", small = ""] = ["large", "small"].map((name) =>
        join(workshop.directory, name),
      );
      await fill(large, 30);
      await fill(small, 5);
      const request = workshop.request({ paths: [large, small] });
      const repository = workshop.place.open();
      await repository.backup(request, workshop.work);
      await empty(small);
      const before = await workshop.list();

      const refused = repository.backup(request, workshop.work);

      await assert.rejects(
        refused,
        (error: unknown) =>
          withCode("deletion-refused")(error) &&
          Object(error).message.startsWith(`${small} is empty`) &&
          Object(error).hint.endsWith(`holdfast run ${request.job} --allow-deletions`),
      );
      const folder = layout === "none" ? "small" : "staging/small";
      const held = join(workshop.place.location, folder);
      assert.equal((await readdir(held)).length, 5);
      assert.deepEqual(await workshop.list(), before);
      await repository.backup({ ...request, allowDeletions: true }, workshop.work);
      assert.deepEqual(await readdir(held), []);
    });

    test("keeps a folder in whose place there is a link", async () => {
      await using workshop = await Workshop.open(mirrors(layout));
      const photographs = join(workshop.source, "photographs");
      await fill(photographs, 30);
      await workshop.snapshot();
      await rm(photographs, { recursive: true });
      await symlink("/nowhere", photographs);

      await assert.rejects(workshop.snapshot(), withCode("deletion-refused"));

      const folder = layout === "none" ? "photographs" : "staging/photographs";
      assert.equal((await readdir(join(workshop.place.location, folder))).length, 30);
    });
  });
}

suite("a mirror without snapshots", { skip: withoutMirror("none") }, () => {
  test("keeps its protection whatever pattern is left out", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    await writeFile(join(workshop.place.location, ".nbkp-dst"), "");
    const selection = { ...workshop.request().selection, exclude: ["!", "+ file"] };

    await workshop.place
      .open()
      .backup(workshop.request({ selection, allowDeletions: true }), workshop.work);

    const held = await readdir(workshop.place.location);
    assert.deepEqual(held.toSorted(), [".holdfast-mirror.json", ".nbkp-dst", "file"]);
  });

  test("is restored without the options that are meant for the way there", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    const options = { "extra-options": ["--max-size", "1m", "--bwlimit=50m"] };
    const repository = openMirror("none", workshop.place.location, { options });
    const { id: snapshot } = await workshop.snapshot(repository);
    const target = join(workshop.directory, "target");

    const { problems } = await repository.restore({ snapshot, include: [], target }, workshop.work);

    assert.deepEqual(problems, []);
    assert.deepEqual(await readdir(target), ["file"]);
  });

  test("is not listed while it is changed, also after a line of its record was cut off", async () => {
    await using workshop = await Workshop.open(mirrors("none"));
    await workshop.snapshot();
    await appendFile(
      join(workshop.place.location, ".holdfast-mirror.json"),
      '{"version":1,"id":"2',
    );
    await writeFile(join(workshop.source, "large"), Buffer.alloc(1 << 20, "x"));
    const interrupt = new AbortController();
    const repository = openMirror("none", workshop.place.location, {
      options: { "extra-options": ["--bwlimit=100k"] },
    });

    const interrupted = repository.backup(workshop.request(), {
      signal: interrupt.signal,
      progress: () => interrupt.abort(),
    });

    await assert.rejects(interrupted);
    assert.deepEqual(await workshop.list(), []);
  });
});

/** Runs commands as a user who may read less. */
function asNobody(): Host {
  const host = localHost();
  const words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] as const;
  return {
    ...host,
    run: async (command, signal, watch) =>
      await host.run({ ...command, argv: [...words, ...command.argv] }, signal, watch),
  };
}

const skipNobody =
  process.getuid?.() === 0
    ? withoutTools("setpriv", "rsync")
    : "only root can become somebody else";

for (const layout of ["none", "hard-links"] as const) {
  test(
    `a copy (${layout}) that lacks files of its snapshot fails, and is not listed`,
    { skip: skipNobody },
    async () => {
      await using workshop = await Workshop.open(mirrors("hard-links"));
      await chmod(workshop.directory, 0o755);
      await chmod(join(workshop.place.location, ".."), 0o755);
      await fill(workshop.source, 3);
      await chmod(join(workshop.source, "f1"), 0o600);
      const from = workshop.place.open();
      const snapshot = await workshop.snapshot();
      const location = join(workshop.directory, "copies");
      await mkdir(location);
      await chown(location, 65_534, 65_534);
      const copies = openMirror(layout, location, { host: asNobody(), name: "copies" });
      await copies.init(workshop.work.signal);
      const job = { name: workshop.request().job, paths: [workshop.source] };

      const copied = copies.copy(from, { job, snapshots: [snapshot] }, workshop.work);

      await assert.rejects(copied, withCode("evidence-missing"));
      assert.deepEqual(await workshop.list(copies), []);
      await chmod(join(workshop.source, "f1"), 0o644);
    },
  );
}

for (const layout of ["none", "hard-links"] as const) {
  test(
    `a mirror (${layout}) reached through a link is made, filled and listed`,
    { skip: withoutMirror(layout) },
    async () => {
      await using workshop = await Workshop.open(mirrors(layout), { empty: true });
      await mkdir(workshop.place.location);
      const link = join(workshop.directory, "link");
      await symlink(workshop.place.location, link);
      const repository = openMirror(layout, link);
      await repository.init(workshop.work.signal);

      const snapshot = await workshop.snapshot(repository);

      assert.deepEqual(
        (await workshop.list(repository)).map(({ id }) => id),
        [snapshot.id],
      );
    },
  );
}

test(
  "no mirror is made through a link over the files of somebody else",
  { skip: withoutMirror("none") },
  async () => {
    await using workshop = await Workshop.open(mirrors("none"), { empty: true });
    await fill(workshop.place.location, 2);
    const link = join(workshop.directory, "link");
    await symlink(workshop.place.location, link);

    const made = openMirror("none", link).init(workshop.work.signal);

    await assert.rejects(made, withCode("target-invalid"));
  },
);
