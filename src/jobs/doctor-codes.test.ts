import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/guides/doctor.md"), "utf8");

/** The rows of all tables of the page, cell by cell. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const codes = rows.flatMap(([first = ""]) => (first.includes(":") ? [] : quotedIn(first)));

function quotedIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
}

/** All that nbkp checks before a run, by layer: what its documentation lists. */
const nbkp: Readonly<Record<string, string>> = {
  ssh: "UNREACHABLE LOCATION_EXCLUDED RSYNC_NOT_FOUND RSYNC_TOO_OLD BTRFS_NOT_FOUND STAT_NOT_FOUND FINDMNT_NOT_FOUND UDISKSCTL_NOT_FOUND UDISKSD_NOT_RUNNING LSBLK_NOT_FOUND UDISKS_BTRFS_MODULE_MISSING",
  volume:
    "SENTINEL_NOT_FOUND DEVICE_NOT_PRESENT VOLUME_NOT_MOUNTED SSH_ENDPOINT_INACTIVE UNLOCK_FAILED MOUNT_FAILED PASSPHRASE_NOT_AVAILABLE FSTAB_MOUNTPOINT_MISMATCH POLKIT_RULES_MISSING",
  source:
    "SENTINEL_NOT_FOUND VOLUME_INACTIVE SNAPSHOTS_DIR_NOT_FOUND LATEST_SYMLINK_NOT_FOUND LATEST_SYMLINK_INVALID",
  destination:
    "SENTINEL_NOT_FOUND VOLUME_INACTIVE NOT_WRITABLE SNAPSHOTS_DIR_NOT_FOUND SNAPSHOTS_DIR_NOT_WRITABLE LATEST_SYMLINK_NOT_FOUND LATEST_SYMLINK_INVALID STAGING_SUBVOL_NOT_FOUND STAGING_NOT_BTRFS_SUBVOLUME STAGING_SUBVOL_NOT_WRITABLE VOL_NOT_BTRFS VOL_NOT_MOUNTED_USER_SUBVOL_RM VOL_NO_HARDLINK_SUPPORT",
  sync: "DISABLED SRC_EP_LATEST_DEVNULL_NO_UPSTREAM DRY_RUN_SRC_EP_SNAPSHOT_PENDING SOURCE_ENDPOINT_INACTIVE DESTINATION_ENDPOINT_INACTIVE",
};
const theirs = Object.entries(nbkp).flatMap(([layer, names]) =>
  names.split(" ").map((name) => `${layer}:${name}`),
);

function textsOf(pattern: string, wanted: (file: string) => boolean): readonly string[] {
  return globSync(pattern, { cwd: root })
    .filter((file) => wanted(file) && !file.endsWith("doctor-codes.test.ts"))
    .map((file) => readFileSync(join(root, file), "utf8"));
}

function saysIn(texts: readonly string[], code: string): boolean {
  return texts.some((text) => new RegExp(`\\b${code}\\b`).test(text));
}

suite("the page on what doctor says", () => {
  test("names each code once", () => {
    assert.ok(codes.length > 40);
    assert.deepEqual(codes, [...new Set(codes)]);
  });

  test("has a place for every one of nbkp's 43 preconditions", () => {
    const named = rows
      .flatMap((cells) => cells.flatMap(quotedIn))
      .filter((word) => /:[A-Z]/.test(word));

    assert.equal(theirs.length, 43);
    assert.deepEqual(named.toSorted(), theirs.toSorted());
  });

  const sources = textsOf("src/**/*.ts", (file) => !file.endsWith(".test.ts"));
  const tests = textsOf("{src,test}/**/*.test.ts", () => true);
  for (const code of codes) {
    test(`is right that there is ${code}`, () => {
      assert.ok(saysIn(sources, code));
    });
  }
  const shared = rows.filter(([, , , names = ""]) => names !== "").map(([first = ""]) => first);
  for (const code of shared.flatMap(quotedIn)) {
    test(`is right about ${code}, which nbkp has too: a test meets it`, () => {
      assert.ok(saysIn(tests, code));
    });
  }

  test("leaves out no finding that is written down as one", () => {
    const written = sources.flatMap((text) =>
      [...text.matchAll(/\bcode: "([a-z-]+)",\s*severity: "(?:error|warning|away)"/g)].map(
        ([, code = ""]) => code,
      ),
    );

    assert.ok(written.length > 10);
    assert.deepEqual(
      [...new Set(written)].filter((code) => !codes.includes(code)),
      [],
    );
  });
});
