import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { sample } from "./check.ts";
import { matcher } from "./find.ts";
import type { Manifest } from "./manifest.ts";
import { readManifests, writeManifest } from "./manifest.ts";
import { isLeftover, newArchiveName, parseArchiveName } from "./names.ts";
import { planByTime } from "./plan.ts";
import { contentsOf } from "./store.ts";

const hour = 3_600_000;
const day = 24 * hour;

function folder(...files: readonly string[]) {
  return contentsOf(new Map(files.map((file) => [file, 10])), new Map());
}

suite("the names of archives", () => {
  for (const [file, id, kind, compress, encrypt] of [
    ["2026-02-21-03-full.tar.gz.gpg", "2026-02-21-03-full", "full", "gzip", "gpg"],
    ["2026-02-21-03-04-05-full.tar.zst", "2026-02-21-03-04-05-full", "full", "zstd", "none"],
    [
      "2026-02-21-03-04-05-2-differential.tar.age",
      "2026-02-21-03-04-05-2-differential",
      "differential",
      "none",
      "age",
    ],
  ] as const) {
    test(`tell what ${file} is`, () => {
      const name = parseArchiveName(file);

      assert.deepEqual(
        [name?.id, name?.kind, name?.compress, name?.encrypt],
        [id, kind, compress, encrypt],
      );
    });
  }

  for (const file of [
    "2026-02-30-03-full.tar.gz",
    "2026-02-21-03-full.tar.gz.gpg.part",
    "2026-02-21-03-full.snar",
    ".holdfast-new.archive",
    "old 2026-02-21-03-full.tar.gz",
    "2026-02-21-03-full.tar.gz\n",
    "../2026-02-21-03-full.tar.gz",
  ]) {
    test(`do not take ${JSON.stringify(file)} for an archive`, () => {
      assert.equal(parseArchiveName(file), undefined);
    });
  }

  test("are read as they are written, and never twice the same", () => {
    const now = new Date(2026, 1, 3, 4, 5, 6);
    const first = newArchiveName({
      kind: "full",
      now,
      compress: "zstd",
      encrypt: "gpg",
      taken: new Set(),
    });
    const second = newArchiveName({ ...first, now, taken: new Set([first.id]) });

    assert.equal(first.file, "2026-02-03-04-05-06-full.tar.zst.gpg");
    assert.equal(second.file, "2026-02-03-04-05-06-2-full.tar.zst.gpg");
    assert.deepEqual(parseArchiveName(second.file), second);
  });

  test("tell what an interrupted run left", () => {
    const archives = new Set(["2026-02-21-03-full"]);

    assert.ok(isLeftover(".holdfast-new.snar", archives));
    assert.ok(isLeftover(".holdfast-receiving-2026-02-21-03-full.snar", archives));
    assert.ok(isLeftover("2026-02-14-03-full.snar", archives));
    assert.ok(isLeftover("2026-02-21-03-full.snar.copy", archives));
    assert.ok(!isLeftover("2026-02-21-03-full.snar", archives));
    assert.ok(!isLeftover("letter.snar", archives));
    assert.ok(!isLeftover(".holdfast-tar.json", archives));
  });
});

suite("what a folder holds", () => {
  test("is ordered by time, each differential archive with the full one before it", () => {
    const { archives } = folder(
      "2026-02-22-03-differential.tar.gz",
      "2026-02-21-03-full.tar.gz",
      "2026-02-14-03-full.tar.gz",
      "2026-02-15-03-differential.tar.gz",
      "2026-01-01-03-differential.tar.gz",
    );

    assert.deepEqual(
      archives.map(({ id, base }) => [id, base]),
      [
        ["2026-01-01-03-differential", undefined],
        ["2026-02-14-03-full", undefined],
        ["2026-02-15-03-differential", "2026-02-14-03-full"],
        ["2026-02-21-03-full", undefined],
        ["2026-02-22-03-differential", "2026-02-21-03-full"],
      ],
    );
  });

  test("is one archive where the script had not finished encrypting it", () => {
    const { archives } = folder("2026-02-21-03-full.tar.gz", "2026-02-21-03-full.tar.gz.gpg");

    assert.deepEqual(
      archives.map(({ file }) => file),
      ["2026-02-21-03-full.tar.gz"],
    );
  });

  test("is known by manifests, and stands for itself without them", () => {
    const manifest: Manifest = {
      version: 1,
      id: "2026-02-21-03-full",
      time: new Date("2026-02-21T02:00:00Z"),
      kind: "full",
      job: "job",
      paths: ["/home"],
      labels: [],
      size: 10,
      sha256: "0".repeat(64),
    };
    const text = `${writeManifest(manifest)}{"version":1,"id":"2026\nnonsense\n`;

    assert.deepEqual([...readManifests(text)], [["2026-02-21-03-full", manifest]]);
  });
});

suite("the next archive", () => {
  const full = "2026-02-14-03-full.tar.gz";
  const at = new Date(2026, 1, 14, 3).getTime();
  const asked = { fullEveryMs: 7 * day, full: false, job: "job" };

  for (const [name, files, after, kind] of [
    ["is a full one when there is none", [], 0, "full"],
    ["is a differential one a day later", [full, "2026-02-14-03-full.snar"], day, "differential"],
    [
      "is a full one a week later, give or take",
      [full, "2026-02-14-03-full.snar"],
      7 * day - hour / 2,
      "full",
    ],
    ["is a full one without the state of the last", [full], day, "full"],
    ["is a full one when the clock was set back", [full, "2026-02-14-03-full.snar"], -day, "full"],
  ] as const) {
    test(name, () => {
      const plan = planByTime(folder(...files), { ...asked, now: new Date(at + after) });

      assert.equal(plan.kind, kind);
      const base = plan.kind === "full" ? undefined : plan.base.id;
      assert.equal(base, kind === "full" ? undefined : "2026-02-14-03-full");
    });
  }

  test("is a full one when somebody asks for it", () => {
    const contents = folder(full, "2026-02-14-03-full.snar");

    assert.equal(
      planByTime(contents, { ...asked, full: true, now: new Date(at + day) }).kind,
      "full",
    );
  });
});

test("a check of some of the archives reads at least one, and of all reads all", () => {
  const { archives } = folder(
    "2026-02-14-03-full.tar",
    "2026-02-15-03-full.tar",
    "2026-02-16-03-full.tar",
  );

  assert.deepEqual(
    ["1%", "50%", "100%"].map((share) => sample(archives, share).length),
    [1, 2, 3],
  );
});

suite("a search", () => {
  for (const [pattern, path, found] of [
    ["/home/a", "home/a", true],
    ["/home/a", "home/ab", false],
    ["taxes*", "home/x/taxes.ods", true],
    ["*/taxes.ods", "home/x/taxes.ods", true],
    ["a.b", "home/axb", false],
    ["a[b", "home/a[b", true],
    ["new?name", "home/new\nname", true],
  ] as const) {
    test(`for ${pattern} ${found ? "finds" : "passes over"} ${JSON.stringify(path)}`, () => {
      assert.equal(matcher(pattern)(path), found);
    });
  }
});
