import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyRepository } from "../index.ts";
import { refusal } from "./tool-options.ts";

test("takes options that copy otherwise, limit or compare", () => {
  const words = [
    "-aHAX",
    "--no-perms",
    "--chmod=D755",
    "--bwlimit",
    "2m",
    "--delete-excluded",
    "-B",
    "8192",
    "--exclude=*.iso",
  ];

  assert.equal(refusal(words), undefined);
});

const dangerous: readonly (readonly [word: string, reason: RegExp])[] = [
  ["-e", /runs programs/],
  ["-aesh", /runs programs/],
  ["--rsh=sh -c true", /runs programs/],
  ["--rsync-path=/tmp/x", /runs programs/],
  ["--daemon", /runs programs/],
  ["-M--fake-super", /runs programs/],
  ["--remove-source-files", /deletes what is backed up/],
  ["--ignore-errors", /what is to be kept/],
  ["--delete-missing-args", /what is to be kept/],
  ["--max-delete=9", /key of its own/],
  ["--dry-run", /nothing would be backed up/],
  ["-an", /nothing would be backed up/],
  ["--temp-dir=/tmp", /unfinished/],
  ["--partial-dir=x", /unfinished/],
  ["--link-dest=/x", /snapshots/],
  ["-R", /where files go/],
  ["--files-from=x", /where files go/],
  ["--backup", /what is to be kept/],
  ["-v", /says itself/],
  ["--log-file=/etc/passwd", /says itself/],
  ["--filter=!", /filters/],
  ["--exclude=!", /rules that protect/],
  ["-aK", /out of the mirror/],
  ["--keep-dirlinks", /out of the mirror/],
  ["--trust-sender", /what is to be kept/],
  ["--of-tomorrow", /does not know/],
  ["/etc", /not an option/],
  ["--", /not an option/],
  ["--bwlimit", /lacks its value/],
];

for (const [word, reason] of dangerous) {
  test(`refuses ${word}`, () => {
    assert.match(refusal([word]) ?? "", reason);
  });
}

test("refuses a pattern in a word of its own that clears the rules", () => {
  assert.match(refusal(["--exclude", "!"]) ?? "", /rules that protect/);
});

test("says so when the configuration is loaded", () => {
  const loaded = AnyRepository.safeParse({
    engine: "rsync",
    at: "/srv/mirror",
    options: ["-a", "--rsync-path=sh"],
  });

  assert.match(
    loaded.error?.issues[0]?.message ?? "",
    /--rsync-path=sh is refused: it runs programs/,
  );
  assert.deepEqual(loaded.error?.issues[0]?.path, ["options"]);
});

test("refuses to change files in place where snapshots share them, and only there", () => {
  const spec = { engine: "rsync", at: "/srv/mirror", "extra-options": ["--inplace"] };

  assert.match(AnyRepository.safeParse(spec).error?.issues[0]?.message ?? "", /share files/);
  assert.equal(AnyRepository.safeParse({ ...spec, snapshots: "btrfs" }).success, true);
});

test("knows no misspelt key", () => {
  const spec = { engine: "rsync", at: "/srv/mirror", snapshot: "btrfs" };

  assert.match(AnyRepository.safeParse(spec).error?.issues[0]?.message ?? "", /snapshot/);
});
