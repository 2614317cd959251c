import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { HoldfastError } from "../../kernel/errors.ts";
import {
  parseIds,
  parseScrub,
  parseShown,
  parseSubvolumes,
  parseTimes,
  parseVersion,
  parseWritten,
} from "./output.ts";
import { matchByPath } from "./view.ts";

function captured(name: string): string {
  return readFileSync(join(import.meta.dirname, "testdata", name), "utf8");
}

for (const version of ["6.2", "6.14"]) {
  suite(`what btrfs ${version} prints`, () => {
    test("of subvolumes: ids, and names with line feeds", () => {
      const all = parseSubvolumes(captured(`list-${version}.txt`));

      const names = all.map(({ path }) => path);
      assert.deepEqual(names, [
        "home",
        "home/nested",
        "kept/one",
        "kept/two\nlines",
        "got",
        "got/one",
      ]);
      const byPath = (path: string) => {
        const found = all.find((each) => each.path === path);
        assert.ok(found !== undefined, path);
        return found;
      };
      const one = byPath("kept/one");
      const received = byPath("got/one");
      assert.equal(byPath("home/nested").within, byPath("home").id);
      assert.equal(one.parentUuid, byPath("home").uuid);
      assert.equal(one.receivedUuid, undefined);
      assert.equal(received.receivedUuid, one.uuid);
      assert.equal(received.within, byPath("got").id);
      assert.ok(received.made > one.made);
    });

    test("of those that are read-only, and of the times of snapshots", () => {
      const all = parseSubvolumes(captured(`list-${version}.txt`));
      const readOnly = parseIds(captured(`list-read-only-${version}.txt`));
      const times = parseTimes(captured(`list-times-${version}.txt`));

      const paths = (ids: { has(id: number): boolean }) =>
        all.filter(({ id }) => ids.has(id)).map(({ path }) => path);
      assert.deepEqual(paths(readOnly), ["kept/one", "kept/two\nlines", "got/one"]);
      assert.deepEqual(paths(times), ["kept/one", "kept/two\nlines"]);
      assert.match([...times.values()][0]?.toISOString() ?? "", /^20\d\d-.*\.000Z$/);
    });

    test("of one subvolume", () => {
      const shown = parseShown(captured(`show-${version}.txt`));

      const received = parseSubvolumes(captured(`list-${version}.txt`)).at(-1);
      assert.equal(shown.readOnly, true);
      assert.equal(shown.uuid, received?.uuid);
      assert.equal(shown.receivedUuid, received?.receivedUuid);
    });

    test("of what it writes", () => {
      const lines = captured(`receive-${version}.err`).split("\n");

      assert.equal(
        lines.map(parseWritten).reduce((sum, bytes) => sum + bytes, 0),
        100_000,
      );
    });

    test("of a scrub", () => {
      const scrub = parseScrub(captured(`scrub-${version}.txt`));

      assert.equal(scrub?.status, "finished");
      assert.deepEqual(scrub.errors, []);
    });
  });
}

test("refuses a list in which a name pretends to be a subvolume", () => {
  const real =
    "ID 257 gen 9 cgen 9 parent 5 top level 5 parent_uuid - received_uuid - uuid - path a";
  const list = `ID 256 gen 8 cgen 7 parent 5 top level 5 uuid - path x\n${real}\n${real}\n`;

  assert.throws(
    () => parseSubvolumes(list),
    (error) => error instanceof HoldfastError && error.code === "repository-unsupported",
  );
});

test("reads versions as they are written", () => {
  assert.deepEqual(parseVersion("btrfs-progs v6.2 \n"), [6, 2, 0]);
  assert.deepEqual(parseVersion("btrfs-progs v6.6.3\n-EXPERIMENTAL\n"), [6, 6, 3]);
});

test("knows that there was no scrub, and counts what one found", () => {
  assert.equal(parseScrub("UUID: x\n\tno stats available\n"), undefined);
  const bad = parseScrub(
    "Scrub started: now\nStatus: finished\n\tcsum_errors: 3\n\tread_errors: 0",
  );
  assert.deepEqual(bad?.errors, [["csum_errors", 3]]);
});

function subvolume(id: number, within: number, path: string) {
  return { id, within, path, made: id, uuid: `uuid ${id}` };
}

function match(
  location: string,
  names: string,
  all: readonly ReturnType<typeof subvolume>[],
): ReturnType<typeof matchByPath> {
  return matchByPath({ location, names: new Set(Array.from(names)), all, within: 5 });
}

suite("the subvolumes of a folder", () => {
  test("are found by the end of its path", () => {
    const all = [subvolume(256, 5, "snaps/home/a"), subvolume(257, 5, "snaps/root/a")];

    assert.equal(match("/mnt/disk/snaps/home", "a", all)?.get("a")?.id, 256);
  });

  test("are in doubt where two folders fit, or none", () => {
    const all = [subvolume(256, 5, "home/a"), subvolume(257, 5, "snaps/home/a")];

    assert.equal(match("/mnt/snaps/home", "a", all), undefined);
    assert.equal(match("/bound/elsewhere", "a", all), undefined);
    assert.equal(match("/mnt/snaps/home", "ab", all), undefined);
  });
});
