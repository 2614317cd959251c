import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import * as z from "zod";
import { HoldfastError } from "../../kernel/errors.ts";
import {
  parseBackupLine,
  parseCopiedId,
  parseCount,
  parseFailedItem,
  parseFindings,
  parseFreed,
  parseRestoreLine,
  parseSnapshots,
  parseUnremoved,
  plainLines,
  readJson,
} from "./output.ts";

/** What a restic really printed: see testdata/capture.sh. */
function captured(name: string): string {
  const path = join(import.meta.dirname, "testdata", name);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

const linesOf = (name: string): readonly string[] => captured(name).split("\n");

for (const version of ["0.14", "0.18", "0.19"]) {
  suite(`the output of restic ${version} is understood`, () => {
    test("snapshots, with their tags, paths and host", () => {
      const snapshots = parseSnapshots(captured(`snapshots-${version}.txt`));

      assert.deepEqual(
        snapshots.map(({ hostname, tags, paths }) => ({ hostname, tags, paths })),
        [
          {
            hostname: "laptop",
            tags: ["holdfast:documents", "daily"],
            paths: ["/tmp/capture/home"],
          },
          { hostname: "laptop", tags: ["holdfast:documents"], paths: ["/tmp/capture/home"] },
          { hostname: "laptop", tags: [], paths: ["/tmp/capture/home/notes"] },
        ],
      );
      assert.ok(snapshots.every(({ id, tree }) => id.length === 64 && tree.length === 64));
      assert.ok(snapshots.every(({ time }) => time > new Date("2026-01-01")));
    });

    test("an empty repository", () => {
      assert.deepEqual(parseSnapshots(captured(`no-snapshots-${version}.txt`)), []);
    });

    test("copies, by the snapshot they were made from", () => {
      const originals = parseSnapshots(captured(`snapshots-${version}.txt`));
      const copies = parseSnapshots(captured(`copied-${version}.txt`));
      const saved = linesOf(`copy-${version}.txt`).flatMap((line) => parseCopiedId(line) ?? []);

      assert.deepEqual(
        new Set(copies.map(({ original }) => original)),
        new Set(originals.map(({ id }) => id)),
      );
      assert.deepEqual(new Set(saved), new Set(copies.map(({ id }) => id.slice(0, 8))));
      assert.ok(linesOf(`copy-${version}.txt`).some((line) => parseCount(line) !== undefined));
    });

    test("what a backup proves", () => {
      const said = linesOf(`backup-${version}.txt`).map(parseBackupLine);
      const ends = said.flatMap((each) => (each !== undefined && "summary" in each ? [each] : []));

      const [end] = ends;
      assert.equal(ends.length, 1);
      assert.equal(end?.summary.total_files_processed, 5);
      assert.equal(end.summary.total_bytes_processed, 3_000_016);
      assert.ok(end.summary.data_added > 3_000_000);
      const listed = parseSnapshots(captured(`snapshots-${version}.txt`));
      assert.ok(listed[0]?.id.startsWith(end.summary.snapshot_id ?? "nothing"));
    });

    test("which files could not be read, a name with a line feed among them", () => {
      const items = linesOf(`unreadable-${version}.err`)
        .flatMap((line) => parseFailedItem(line) ?? [])
        .filter(({ during }) => during === "archival")
        .map(({ item }) => item);

      assert.deepEqual(
        new Set(items),
        new Set(["/tmp/capture/home/notes/closed", "/tmp/capture/home/private"]),
      );
    });

    test("which sources were skipped, whatever the exit status was", () => {
      const failed = linesOf(`skipped-${version}.err`).flatMap(
        (line) => parseFailedItem(line) ?? [],
      );

      assert.deepEqual(
        failed.map(({ item, message }) => [item, message]),
        [["/tmp/capture/gone", "does not exist"]],
      );
    });

    test("what a prune gives back, at least nothing", () => {
      const freed = linesOf(`prune-${version}.txt`).flatMap((line) => parseFreed(line) ?? []);

      assert.equal(freed.length, 1);
      assert.ok(Number.isInteger(freed[0]));
    });

    test("what was found, and where", () => {
      const findings = parseFindings(captured(`find-${version}.txt`));

      const paths = findings.flatMap(({ matches }) => matches.map(({ path }) => path));
      assert.deepEqual(new Set(paths), new Set(["/tmp/capture/home/notes/two\nlines"]));
      assert.deepEqual(findings[0]?.matches[0]?.size, 4);
    });

    test("nothing of a forget is taken for a snapshot that stayed", () => {
      const unremoved = linesOf(`forget-${version}.err`).flatMap(
        (line) => parseUnremoved(line) ?? [],
      );

      assert.deepEqual(unremoved, []);
    });
  });
}

test("a restore tells its figures, from 0.16 on", () => {
  const said = linesOf("restore-0.19.txt").flatMap((line) => parseRestoreLine(line) ?? []);

  assert.equal(said.at(-1)?.bytesDone, 3_000_016);
  assert.equal(said.at(-1)?.bytesTotal, 3_000_016);
  assert.deepEqual(
    linesOf("restore-0.14.txt").flatMap((line) => parseRestoreLine(line) ?? []),
    [],
  );
});

test("figures that restic leaves out are zero", () => {
  const said = parseBackupLine(
    '{"message_type":"status","percent_done":0,"total_files":1,"total_bytes":943718400}',
  );

  assert.deepEqual(said, {
    progress: {
      filesDone: 0,
      filesTotal: 1,
      bytesDone: 0,
      bytesTotal: 943_718_400,
      secondsElapsed: 0,
    },
  });
});

test("a line may be two million characters long", () => {
  const files = Array.from({ length: 20_000 }, (_, index) => `/home/${"x".repeat(100)}${index}`);
  const line = JSON.stringify({ message_type: "status", current_files: files });

  const said = parseBackupLine(line);

  assert.ok(line.length > 2_000_000);
  assert.ok(said !== undefined && "progress" in said);
  assert.equal(said.progress.current, files[0]);
});

test("words, rubbish and broken lines say nothing", () => {
  for (const line of [
    "",
    "null",
    "[]",
    "{",
    "using parent snapshot",
    "\u0000",
    '{"a":1}',
    "1e999",
  ]) {
    assert.equal(parseBackupLine(line), undefined);
    assert.equal(parseRestoreLine(line), undefined);
    assert.equal(parseFailedItem(line), undefined);
    assert.deepEqual([parseFreed(line), parseCount(line), parseCopiedId(line)].flat(), [
      undefined,
      undefined,
      undefined,
    ]);
  }
});

test("an answer that is no JSON is refused in words of ours", () => {
  for (const answer of ["", "Segmentation fault", '[{"id":1}]', '{"message_type":"error"}']) {
    assert.throws(
      () => readJson(z.array(z.object({ id: z.string() })), answer, "snapshots"),
      (error) => error instanceof HoldfastError && error.code === "command-failed",
    );
  }
});

test("sizes of a prune are read in all units", () => {
  const sizes = ["0 B", "12 B", "1.500 KiB", "2 MiB", "3.25 GiB", "1 TiB"].map((size) =>
    parseFreed(`total prune:           9 blobs / ${size}`),
  );

  assert.deepEqual(sizes, [0, 12, 1536, 2_097_152, 3_489_660_928, 1_099_511_627_776]);
});

test("a snapshot that a server keeps is noticed", () => {
  const id = "4c5fd367a156e5fb8c7f18a0501c19c95c1d3b21456824d1d8ff3a7372940161";

  const unremoved = parseUnremoved(`unable to remove snapshot/${id} from the repository`);

  assert.equal(unremoved, id);
});

test("messages in JSON become the lines a person would have read", () => {
  const lines = plainLines(captured("locked-0.18.err"));

  assert.match(lines[0] ?? "", /^unable to create lock in backend: .* by PID \d+ on laptop/);
  assert.match(lines[1] ?? "", /^lock was created at /);
});
