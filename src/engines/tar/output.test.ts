import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  ListReader,
  readCreateLine,
  readExtractErrors,
  readListLine,
  StateReader,
  unescape,
} from "./output.ts";

suite("what tar says while it makes an archive", () => {
  for (const [line, said] of [
    [
      "-rw-r--r-- root/root         3 2026-11-21 12:44 tmp/src/a/f",
      { kind: "member", type: "-", bytes: 3, name: "tmp/src/a/f" },
    ],
    [
      "----------  root/root 943718400 2026-11-21 12:44 tmp/a b",
      { kind: "member", type: "-", bytes: 943_718_400, name: "tmp/a b" },
    ],
    [
      "hrw-r--r-- root/root         0 2026-11-21 12:44 tmp/hard link to tmp/src/a/f",
      { kind: "member", type: "h", bytes: 0, name: "tmp/hard link to tmp/src/a/f" },
    ],
    ["tar: checkpoint 12", { kind: "checkpoint", number: 12 }],
    [
      String.raw`/usr/bin/tar: tmp/tt/src/b/\377 bad: Cannot open: Permission denied`,
      { kind: "unreadable", path: String.raw`tmp/tt/src/b/\377 bad` },
    ],
    [
      "tar: tmp/tt/nothere: Cannot stat: No such file or directory",
      { kind: "unreadable", path: "tmp/tt/nothere" },
    ],
    [
      "tar: var/log/x: file changed as we read it",
      { kind: "changed", message: "var/log/x: file changed as we read it" },
    ],
    [
      "tar: var/x: File removed before we read it",
      { kind: "changed", message: "var/x: File removed before we read it" },
    ],
    ["tar: tmp/src: Directory is new", { kind: "chatter" }],
    ["/bin/tar: Exiting with failure status due to previous errors", { kind: "chatter" }],
    ["zstd: something", { kind: "chatter" }],
    [
      "tar: -: Wrote only 4096 of 10240 bytes",
      { kind: "complaint", message: "tar: -: Wrote only 4096 of 10240 bytes" },
    ],
  ] as const) {
    test(line, () => {
      assert.deepEqual(readCreateLine(line), said);
    });
  }
});

test("what tar misses while it extracts is told from what goes wrong", () => {
  const said = readExtractErrors(
    [
      "/usr/bin/tar: home/x/a: Not found in archive",
      "/usr/bin/tar: home/x/b: Cannot open: No space left on device",
      "/usr/bin/tar: Exiting with failure status due to previous errors",
      "",
    ].join("\n"),
  );

  assert.deepEqual(said, {
    notFound: ["home/x/a"],
    problems: ["home/x/b: Cannot open: No space left on device"],
  });
});

suite("a listing of members", () => {
  test("tells names, sizes and times", () => {
    const line = String.raw`-rw-r--r-- root/root         5 2026-11-21 12:44:18 home/new\nname -> not a link`;

    assert.deepEqual(readListLine(line), {
      path: "home/new\nname -> not a link",
      bytes: 5,
      modified: new Date("2026-11-21T12:44:18"),
    });
  });

  test("leaves out where links lead", () => {
    const line = "lrwxrwxrwx root/root         0 2026-11-21 12:44:18 home/l -> ../f";

    assert.equal(readListLine(line)?.path, "home/l");
  });

  test("is read leniently", () => {
    assert.equal(readListLine("Y file"), undefined);
    assert.equal(readListLine(""), undefined);
  });

  test("is escaped as tar escapes", () => {
    assert.equal(unescape(String.raw`a\\b\tc\303\274\177`), "a\\b\tcü\u007F");
  });
});

test("a differential listing says what is unchanged, names with line feeds too", () => {
  const members: string[] = [];
  const unchanged: string[] = [];
  const { hear } = new ListReader({
    member: ({ path }) => members.push(path),
    unchanged: (path) => unchanged.push(path),
  });
  const listing = [
    "drwxr-xr-x root/root        13 2026-11-21 12:44:18 src/",
    "D a",
    "N old",
    "N new",
    "line",
    "Y fresh",
    "",
    "-rw-r--r-- root/root         3 2026-11-21 12:44:18 src/fresh",
  ];

  for (const line of listing) hear(line);

  assert.deepEqual(members, ["src", "src/fresh"]);
  assert.deepEqual(unchanged, ["src/old", "src/new\nline"]);
});

test("a state file's entries are counted, folders left out", () => {
  const reader = new StateReader();
  const fields =
    "GNU tar-1.34-2\u00011|2|0|1|2|65024|21|home/Year|Da|Yfile|Nold||" +
    "|0|1|2|65024|22|home/Year/a|Yf|||0|1|2|65024|23|home/N|||";

  for (const field of fields.split("|").slice(0, -1)) reader.hear(field);

  assert.equal(reader.files, 3);
  assert.deepEqual([reader.seconds, reader.isWhole, reader.top], [1, true, undefined]);
});

test("a state file tells what was in the folder that tar was started in, and when it is cut short", () => {
  const reader = new StateReader();
  const fields = "GNU tar-1.34-2\u000117|2|0|1|2|65024|21|.|Da|Yfile||";

  for (const field of fields.split("|").slice(0, -1)) reader.hear(field);

  assert.deepEqual(reader.top, { inode: "21", names: ["a", "file"] });
  assert.equal(reader.seconds, 17);
  assert.equal(reader.isWhole, false);
});
