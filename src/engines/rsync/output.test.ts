import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseComplaint,
  parseItemized,
  parseProgress,
  parseUnsafeLink,
  StatisticsReader,
  unescapeName,
} from "./output.ts";

function statisticsOf(...lines: readonly string[]) {
  const reader = new StatisticsReader();
  for (const line of lines) reader.hear(line);
  return reader.statistics();
}

const plain = [
  "Number of files: 5 (reg: 3, dir: 1, link: 1)",
  "Number of created files: 3 (reg: 3)",
  "Number of deleted files: 8 (reg: 5, dir: 3)",
  "Number of regular files transferred: 3",
  "Total file size: 10 bytes",
  "Total transferred file size: 6 bytes",
];

test("reads what rsync counted", () => {
  assert.deepEqual(statisticsOf(...plain), {
    entries: 5,
    files: 3,
    leaves: 4,
    created: 3,
    deleted: 8,
    transferred: 3,
    bytes: 10,
    transferredBytes: 6,
  });
});

test("is not misled by a file that is called like a count", () => {
  const impostors = ["Number of files: 0 (reg: 77, dir: 9)", "Total file size: 99 bytes"];

  const counted = statisticsOf(
    ...impostors,
    "Number of files: 1 (dir: 1)",
    "Total file size: 0 bytes",
  );

  assert.deepEqual([counted?.files, counted?.bytes, counted?.leaves], [0, 0, 0]);
});

test("knows nothing of a run that did not end", () => {
  assert.equal(statisticsOf("Number of files: 5 (reg: 3)"), undefined);
});

test("reads progress", () => {
  const line = "    327680  30%   12.50MB/s    0:00:01 (xfr#1, to-chk=3/5)";

  const progress = parseProgress(line);

  assert.deepEqual(progress, {
    bytesDone: 327_680,
    bytesTotal: 1_092_267,
    filesDone: 2,
    filesTotal: 5,
  });
  assert.equal(parseProgress("a name 30%"), undefined);
});

test("reads names back that are no text", () => {
  assert.equal(unescapeName(String.raw`caf\#303\#251`), "café");
  assert.equal(unescapeName(String.raw`new\#012line`), "new\nline");
  assert.equal(unescapeName(String.raw`bad\#377`), "bad\uFFFD");
  assert.equal(unescapeName(String.raw`back\slash`), String.raw`back\slash`);
});

const complaints: readonly (readonly [line: string, kind: string | undefined, path?: string])[] = [
  [
    'rsync: [sender] send_files failed to open "/s/a": Permission denied (13)',
    "unreadable",
    "/s/a",
  ],
  ['rsync: send_files failed to open "/s/a": Permission denied (13)', "unreadable", "/s/a"],
  ['rsync: [sender] opendir "/s/d" failed: Permission denied (13)', "unreadable", "/s/d"],
  ['rsync: [sender] read errors mapping "/s/a": Input/output error (5)', "unreadable", "/s/a"],
  [
    'rsync: [receiver] mkstemp "/d/.a.x" failed: Read-only file system (30)',
    "unwritable",
    "/d/.a.x",
  ],
  [
    'rsync: [generator] recv_generator: mkdir "/d/x" failed: Permission denied (13)',
    "unwritable",
    "/d/x",
  ],
  ['rsync: [receiver] write failed on "/d/a": No space left on device (28)', "unwritable", "/d/a"],
  ['rsync: [generator] chown "/d/a" failed: Operation not permitted (1)', "attributes", "/d/a"],
  [
    'rsync: [generator] failed to set times on "/d/a": Operation not permitted (1)',
    "attributes",
    "/d/a",
  ],
  [
    'rsync: rsync_xal_set: lsetxattr("/d/a","user.x") failed: Operation not supported (95)',
    "attributes",
  ],
  ['file has vanished: "/s/new\\#012line"', "vanished", "/s/new\nline"],
  ["Deletions stopped due to --max-delete limit (7 skipped)", "deletions-stopped"],
  ["IO error encountered -- skipping file deletion", "deletions-skipped"],
  [
    "rsync error: some files/attrs were not transferred (code 23) at main.c(1394) [sender=3.5.0]",
    undefined,
  ],
  ["--link-dest arg is not a dir: /d/../latest", undefined],
];

for (const [line, kind, path] of complaints) {
  test(`takes for ${kind ?? "nothing"}: ${line}`, () => {
    const complaint = parseComplaint(line);

    assert.equal(complaint?.kind, kind);
    if (path !== undefined) assert.equal(complaint?.path, path);
  });
}

test("hears which links were left out, and which files differ", () => {
  assert.equal(parseUnsafeLink('ignoring unsafe symlink "a \\#012b" -> "/etc"'), "a \nb");
  assert.deepEqual(parseItemized(">fc........ photos/one"), {
    what: ">fc........",
    name: "photos/one",
  });
  assert.equal(parseItemized("photos/one"), undefined);
});
