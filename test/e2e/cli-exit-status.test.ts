// The exit status of every command, for those who script it.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { backupUser, configureBackup } from "../support/backup-user.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const options = { skip: withoutTools("restic"), concurrency: 2 };

/** Several jobs, of which each has a trouble of its own. */
async function troubledUser(): Promise<User> {
  const user = await backupUser();
  await user.write("wrong", "not the password\n");
  const right = { file: user.at("password") };
  const wrong = { file: user.at("wrong") };
  const source = { sources: [user.at("data")] };
  await user.configure({
    state: user.at("state"),
    volumes: { usb: { path: user.at("usb") } },
    repositories: {
      disk: { engine: "restic", at: user.at("repository"), password: right },
      missing: { engine: "restic", at: user.at("nowhere"), password: right },
      locked: { engine: "restic", at: user.at("repository2"), password: right },
      away: { engine: "restic", at: "usb:restic", password: right },
    },
    jobs: {
      good: { ...source, repository: "disk" },
      missing: { ...source, repository: "missing" },
      wrong: { ...source, repository: "locked" },
      away: { ...source, repository: "away" },
    },
  });
  await user.holdfast("init", "wrong");
  const text = await user.read(".config/holdfast/holdfast.yaml");
  const changed = JSON.parse(text);
  changed.repositories.locked.password = wrong;
  await user.configure(changed);
  return user;
}

suite("the exit status", options, () => {
  test("follows the table for one job and for several", async () => {
    await using user = await troubledUser();
    const statusOf = async (...words: readonly string[]): Promise<number | null> =>
      (await user.holdfast(...words)).exitStatus;

    assert.equal(await statusOf("run", "good"), 0);
    assert.equal(await statusOf("run", "missing"), 10);
    assert.equal(await statusOf("run", "wrong"), 12);
    assert.equal(await statusOf("run", "good", "wrong"), 12);
    assert.equal(await statusOf("run", "missing", "wrong"), 1);
    assert.equal(await statusOf("run", "away"), 0);
    assert.equal(await statusOf("run", "away", "--strict"), 75);
    assert.equal(await statusOf("run", "away", "good", "--strict"), 0);
    assert.equal(await statusOf("run", "missing", "--dry-run"), 10);
    assert.equal(await statusOf("check", "missing"), 10);
    assert.equal(await statusOf("check", "away"), 0);
    assert.equal(await statusOf("snapshots", "wrong"), 12);
    assert.equal(await statusOf("snapshots", "away"), 0);
    assert.equal(await statusOf("restore", "missing", "--target", "x"), 10);
    assert.equal(await statusOf("restore", "good@99999999", "--target", "x"), 2);
    assert.equal(await statusOf("restore", "good", "--target", "data"), 2);
    assert.equal(await statusOf("doctor"), 1);
    assert.equal(await statusOf("status"), 0);
    assert.equal(await statusOf("run", "--due"), 0);
  });

  test("is 2 for names that do not exist, with the one that was meant", async () => {
    await using user = await troubledUser();

    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["run", "god"], /there is no job "god", did you mean "good"\?/],
      [["run", "--location", "home"], /there is no location "home"/],
      [["status", "--exclude-location=home"], /there is no location "home"/],
      [["restore", "god@latest", "--target", "x"], /did you mean "good"\?/],
      [["restore", "good", "--from", "dusk", "--target", "x"], /did you mean "disk"\?/],
      [["notify", "test", "phone"], /there is no notifier "phone"/],
      [["logs", "20200101-000000-abc"], /there is no run/],
      [["accept", "goood"], /did you mean "good"\?/],
      [["history", "gooood"], /did you mean "good"\?/],
      [["run", "--only", "bakcup"], /did you mean "backup"\?/],
    ];
    for (const [words, message] of cases) {
      const { exitStatus, stderr } = await user.holdfast(...words);

      assert.match(stderr, message, words.join(" "));
      assert.equal(exitStatus, 2, words.join(" "));
    }
  });

  test("is 2 for a configuration that is missing, wrong or has no jobs", async () => {
    await using user = await newUser();

    const missing = await user.holdfast("run");
    await user.write(".config/holdfast/holdfast.yaml", "jobs:\n  a: { sorces: [x] }\n");
    const wrong = await user.holdfast("run");
    await configureBackup(user, { more: { jobs: {} } });
    const empty = await user.holdfast("run");

    assert.match(
      missing.stderr,
      /^error: there is no configuration: .*\nhint: .*holdfast config example > /,
    );
    assert.match(wrong.stderr, /holdfast\.yaml:2:8: .*did you mean "sources"\?/);
    assert.match(empty.stderr, /holdfast\.yaml:\d+:\d+: jobs: needs at least one job\n/);
    assert.deepEqual(
      [missing, wrong, empty].map(({ exitStatus }) => exitStatus),
      [2, 2, 2],
    );
  });
});
