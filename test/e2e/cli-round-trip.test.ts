// The way that every user goes: set up, back up, look, restore, compare. And what programs read of it.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { backupUser, writeTree } from "../support/backup-user.ts";
import type { Ended, User } from "../support/holdfast.ts";
import * as shapes from "../support/json-shapes.ts";
import { withoutTools } from "../support/tools.ts";
import { filesIn } from "../support/tree-hash.ts";

const options = { skip: withoutTools("restic"), concurrency: 2 };

const names = {
  "new\nline.txt": "one",
  "-dash": "two",
  "quote'\"$(x).txt": "three",
  empty: "",
};

/** A user with a further repository for copies, on a volume that is away until `init`. */
async function userWithCopy(): Promise<User> {
  const user = await backupUser();
  const password = { file: user.at("password") };
  await user.configure({
    state: user.at("state"),
    volumes: { usb: { path: user.at("usb") } },
    repositories: {
      disk: { engine: "restic", at: user.at("repository"), password },
      attic: { engine: "restic", at: "usb:attic", password },
    },
    jobs: {
      documents: {
        sources: [user.at("data")],
        repository: "disk",
        copies: ["attic"],
        schedule: "0 2 * * *",
        keep: { last: 1 },
      },
    },
  });
  return user;
}

function succeeded(ended: Ended): Ended {
  assert.equal(ended.exitStatus, 0, `${ended.stdout}${ended.stderr}`);
  return ended;
}

suite("a user", options, () => {
  test("gets back what was backed up, byte for byte, whatever it is called", async () => {
    await using user = await backupUser();
    await writeTree(user.at("data"), names);
    const original = await filesIn(user.at("data"));

    succeeded(await user.holdfast("run"));
    await writeTree(user.at("data"), { "-dash": "changed since" });
    const restored = succeeded(
      await user.holdfast("restore", "documents", "--target", user.at("restored")),
    );

    assert.deepEqual(await filesIn(user.at("restored", user.at("data"))), original);
    assert.match(restored.stdout, /^documents: restored to /);
  });

  test("restores one path of a snapshot that is named by the beginning of its id", async () => {
    await using user = await backupUser();
    succeeded(await user.holdfast("run", "--quiet"));
    await writeTree(user.at("data"), { "letter.txt": "changed since" });
    succeeded(await user.holdfast("run", "--quiet"));
    const { snapshots } = shapes.Snapshots.parse(
      JSON.parse(succeeded(await user.holdfast("snapshots", "--json")).stdout),
    );
    const [newest, oldest] = snapshots;
    assert.ok(newest !== undefined && oldest !== undefined && newest.time > oldest.time);

    succeeded(
      await user.holdfast(
        "restore",
        `documents@${oldest.id.slice(0, 8)}`,
        "--target=old",
        user.at("data/letter.txt"),
      ),
    );

    assert.deepEqual(await filesIn(user.at("old", user.at("data"))), {
      "letter.txt": "Dear reader",
    });
  });

  test("is told what is where by status, snapshots, history and logs", async () => {
    await using user = await backupUser();
    succeeded(await user.holdfast("run", "--label", "first"));

    const status = succeeded(await user.holdfast("status"));
    const snapshots = succeeded(await user.holdfast("snapshots", "--find", "*/letter.txt"));
    const history = succeeded(await user.holdfast("history", "documents", "--limit", "1"));
    const run = /\d{8}-\d{6}-\w{3}/.exec(history.stdout)?.[0] ?? "";
    const logs = succeeded(await user.holdfast("logs", run.slice(0, -2)));

    assert.match(status.stdout, /^documents\n {2}last run +success, just now .*\n/);
    assert.match(status.stdout, /disk: 1 snapshot, newest just now/);
    assert.match(snapshots.stdout, / documents +disk .* first .*\n {4}\/.*\/data\/letter\.txt\n$/);
    assert.match(history.stdout, / documents +success .* command\n$/);
    assert.match(
      logs.stdout,
      /run-started {2}trigger=command\n(.*\n)*.*run-finished .*outcome=success/,
    );
  });
});

function parsed(lines: readonly string[]): readonly unknown[] {
  return lines.map((text): unknown => JSON.parse(text));
}

suite("status", options, () => {
  test("says the same from what it has kept as from the configuration, and sees every change", async () => {
    await using user = await userWithCopy();
    const file = user.at(".config/holdfast/holdfast.yaml");
    // Old enough for its outline to be kept.
    await delay(2100);
    const answers = async (): Promise<readonly Ended[]> => [
      // Written so, it is never answered from what is kept.
      await user.holdfast("status", "--json", `--config=${file}`),
      await user.holdfast("status", "--json", "--config", file),
      await user.holdfast("status", "--json"),
    ];

    const before = await answers();
    await writeFile(
      file,
      (await user.read(".config/holdfast/holdfast.yaml")).replace("0 2 ", "0 3 "),
    );
    const after = await answers();
    await writeFile(file, "jobs: [broken");
    const broken = await answers();

    for (const same of [before, after, broken]) {
      assert.deepEqual(same[1], same[0]);
      assert.deepEqual(same[2], same[0]);
    }
    assert.match(before[0]?.stdout ?? "", /T02:00:00/);
    assert.match(after[0]?.stdout ?? "", /T03:00:00/);
    assert.equal(broken[0]?.exitStatus, 2);
  });
});

suite("--json", options, () => {
  test("has the published shape in every command, and says the same every time", async () => {
    await using user = await userWithCopy();
    const answer = async (...words: readonly string[]): Promise<unknown> => {
      const { stdout, stderr, exitStatus } = await user.holdfast(...words, "--json");
      assert.equal(stderr, "", words.join(" "));
      assert.equal(exitStatus, 0, `${words.join(" ")}: ${stdout}`);
      return JSON.parse(stdout);
    };

    shapes.Created.parse(await answer("init"));
    shapes.Plans.parse(await answer("run", "--dry-run"));
    const lines = (await user.holdfast("run", "--json")).stdout.trimEnd().split("\n");
    const events = lines.map((text) => shapes.RunLine.parse(JSON.parse(text)));
    shapes.Status.parse(await answer("status"));
    shapes.Snapshots.parse(await answer("snapshots"));
    const { runs } = shapes.History.parse(await answer("history"));
    shapes.Checks.parse(await answer("check"));
    shapes.Findings.parse(await answer("doctor"));
    shapes.Forgotten.parse(await answer("forget"));
    shapes.Volumes.parse(await answer("volumes"));
    shapes.Recovered.parse(await answer("recover"));
    shapes.Accepted.parse(await answer("accept", "documents"));
    shapes.TestedNotifiers.parse(await answer("notify", "test"));
    shapes.CheckedConfig.parse(await answer("config", "check"));
    shapes.ShownConfig.parse(await answer("config", "show"));
    shapes.Graph.parse(await answer("config", "show", "--graph"));
    const restored = shapes.Restored.parse(
      await answer("restore", "documents", "--target", "restored"),
    );

    const end = events.at(-1);
    assert.ok(end?.event === "run-finished" && end.outcome === "success");
    assert.deepEqual(
      runs.map(({ run }) => run),
      [end.run],
    );
    assert.deepEqual(
      restored.snapshots.map(({ id }) => id),
      end.snapshots.map(({ id }) => id),
    );
  });

  test("repeats in `logs` what `run` has said, but for progress", async () => {
    await using user = await backupUser();

    const said = (await user.holdfast("run", "--json")).stdout.trimEnd().split("\n");
    const run = shapes.RunLine.parse(JSON.parse(said.at(-1) ?? "")).run;
    const logged = succeeded(await user.holdfast("logs", run, "--json"))
      .stdout.trimEnd()
      .split("\n");

    assert.deepEqual(
      parsed(logged),
      parsed(said.filter((text) => !text.includes('"event":"progress"'))),
    );
  });

  test("is the only thing on stdout, and a failure is one line on stderr", async () => {
    await using user = await backupUser();

    const { stdout, stderr, exitStatus } = await user.holdfast("status", "dokuments", "--json");

    assert.equal(stdout, "");
    assert.deepEqual(shapes.Failure.parse(JSON.parse(stderr)), {
      error: {
        code: "unknown-name",
        message: 'there is no job "dokuments", did you mean "documents"?',
        hint: "there are: documents",
      },
    });
    assert.equal(exitStatus, 2);
  });
});
