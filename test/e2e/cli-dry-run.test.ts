// What only looks changes nothing: neither the repository nor the state, and it creates no state either.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { suite, test } from "node:test";
import { backupUser, writeTree } from "../support/backup-user.ts";
import { withoutTools } from "../support/tools.ts";
import { filesIn, treeHash } from "../support/tree-hash.ts";

const looking: readonly (readonly string[])[] = [
  ["run", "--dry-run"],
  ["run", "--due", "--dry-run"],
  ["backup", "--dry-run"],
  ["copy", "--dry-run"],
  ["forget", "--dry-run"],
  ["prune", "--dry-run"],
  ["restore", "documents", "--target", "restored", "--dry-run"],
  ["snapshots"],
  ["status"],
  ["history"],
  ["doctor"],
  ["init", "--dry-run"],
  ["volumes"],
  ["config", "check"],
  ["config", "show"],
];

/**
 * What the journal holds. SQLite also keeps the locks of readers beside it, in a file of shared
 * memory, and an empty log: they hold nothing.
 */
async function journalHash(state: string): Promise<string> {
  const { "journal.sqlite": main = "", "journal.sqlite-wal": log = "" } = await filesIn(state);
  return createHash("sha256").update(main).update(log).digest("hex");
}

suite("what only looks", { skip: withoutTools("restic") }, () => {
  test("leaves repository, state and home as they were", async () => {
    await using user = await backupUser({ job: { keep: { last: 1 }, schedule: "0 2 * * *" } });
    await user.holdfast("run", "--quiet");
    await writeTree(user.at("data"), { "new.txt": "since the last run" });
    await user.holdfast("backup", "--quiet");
    const hashes = async (): Promise<readonly string[]> =>
      await Promise.all([
        treeHash(user.at("repository")),
        treeHash(user.at("data")),
        journalHash(user.at("state")),
      ]);
    const before = await hashes();

    for (const words of looking) {
      const { exitStatus, stderr } = await user.holdfast(...words);

      assert.equal(exitStatus, 0, `${words.join(" ")}: ${stderr}`);
      assert.deepEqual(await hashes(), before, `${words.join(" ")} has changed something`);
    }
    await assert.rejects(access(user.at("restored")));
  });

  test("creates no state where there is none", async () => {
    await using user = await backupUser({ more: {} });
    await user.configure({
      state: user.at("elsewhere"),
      repositories: {
        disk: {
          engine: "restic",
          at: user.at("repository"),
          password: { file: user.at("password") },
        },
      },
      jobs: { documents: { sources: [user.at("data")], repository: "disk" } },
    });

    for (const words of [["status"], ["run", "--dry-run"], ["snapshots"], ["history"]]) {
      assert.equal((await user.holdfast(...words)).exitStatus, 0, words.join(" "));
      await assert.rejects(access(user.at("elsewhere")), words.join(" "));
    }
  });

  test("says what would be done, with reasons and commands that show no secret", async () => {
    await using user = await backupUser({ job: { keep: { last: 1 } } });

    const { stdout } = await user.holdfast("run", "--dry-run");

    assert.match(stdout, /^documents: would run\n {2}backup \(disk\): /);
    assert.match(stdout, /\$ RESTIC_PASSWORD=\*\*\* restic .* backup /);
    assert.doesNotMatch(stdout, /an ordinary password/);
  });
});
