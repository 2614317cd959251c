// No secret is ever where somebody else could read it: a canary in every secret field, all commands run, everything searched.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, lstat, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { writeTree } from "../support/backup-user.ts";
import { canariesIn, canary } from "../support/canaries.ts";
import { readTrace, type TracedExec, tracing } from "../support/exec-trace.ts";
import { type Sample, startProcessSampler } from "../support/process-sampler.ts";
import { httpChannels, SecretHouse } from "../support/secret-house.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools("restic", "strace", "setpriv", "openssl", "apprise");

suite("a secret", { skip }, () => {
  let house: SecretHouse;
  let sample: Sample;
  let execs: readonly TracedExec[];

  before(async () => {
    house = await SecretHouse.build();
    await using sampler = await startProcessSampler();
    spawnSync("sh", ["-c", "sleep 0.3; true", canary("control")]);
    await lookAround(house);
    await workAndFail(house);
    await lookBack(house);
    await misconfigure(house);
    sample = await sampler.stop();
    execs = readTrace(house.user.at("trace"));
  });
  after(async () => await house[Symbol.asyncDispose]());

  test("is recognised however it is written", () => {
    const forms = [
      canary("x"),
      encodeURIComponent(canary("x", " &")),
      JSON.stringify({ password: canary("x", '"') }),
      ...["", "a:", "ab:"].map((user) => Buffer.from(user + canary("x")).toString("base64")),
      Buffer.from(canary("x")).toString("hex"),
    ];

    for (const form of forms) assert.equal(canariesIn(`before ${form} after`).length, 1, form);
    assert.deepEqual(canariesIn("***"), []);
  });

  test("is in no argument of any program", (t) => {
    const [file, ...prefix] = tracing(house.user.at("control"));
    spawnSync(file, [...prefix, "env", `CONTROL=${canary("control")}`]);
    t.diagnostic(`${execs.length} programs started, all seen by strace`);
    t.diagnostic(
      `${sample.processes.length} seen in /proc, ${sample.looksPerSecond} looks a second`,
    );

    const exact = execs.filter(({ argv }) => canariesIn(argv.join("\n")).length > 0);
    const sampled = sample.processes.filter((each) => canariesIn(each.arguments).length > 0);

    assert.deepEqual(exact, []);
    assert.ok(execs.length > 100, "enough was started");
    const control = readTrace(house.user.at("control")).flatMap(({ argv }) => argv);
    assert.deepEqual(control, ["env", `CONTROL=${canary("control")}`], "strace would have told");
    // A shell that has just forked is seen twice.
    const found = new Set(sampled.map((each) => each.arguments.replaceAll("\0", " ")));
    assert.deepEqual(
      [...found],
      [`sh -c sleep 0.3; true ${canary("control")} `],
      "the sampler too",
    );
  });

  test("is in the environment of programs that need it, and of no others", () => {
    // The program itself, what it looks for its bundle with, and restic.
    const needing = /(^|\/)(find|restic|holdfast(\.c?js)?)$/;

    const told = execs
      .filter(({ environment }) => canariesIn(environment.join("\n")).length > 0)
      .filter(({ argv }) => !argv.some((word) => needing.test(word)));

    assert.deepEqual(
      told.map(({ argv, environment }) => [argv, environment.flatMap((each) => canariesIn(each))]),
      [],
    );
  });

  test("is not among what the program prints", () => {
    for (const { words, stdout, stderr } of house.calls) {
      assert.deepEqual(canariesIn(stdout + stderr), [], words.join(" "));
    }
  });

  test("is in no file that it writes", async () => {
    const written = ["state", "tmp", ".cache", ".local", "restored", "repositories"];
    const files = await filesBelow(house.user.home, (path) =>
      written.some((folder) => path.startsWith(house.user.at(folder))),
    );

    const leaks: string[] = [];
    for (const file of files) {
      const [leak] = canariesIn(await readFile(file));
      if (leak !== undefined) leaks.push(`${file}: ${leak}`);
    }

    assert.deepEqual(leaks, []);
    assert.ok(
      files.some((file) => file.endsWith("journal.sqlite")),
      files.join("\n"),
    );
    const others = await filesBelow(house.user.home, (path) => /(^|\/)core(\.\d+)?$/.test(path));
    assert.deepEqual(others, []);
    assert.deepEqual(await readdir(house.user.at("tmp")), [], "temporary files");
  });

  test("is in no notification, but for where it belongs", async () => {
    for (const channel of httpChannels) {
      const { requests } = house.sinks[channel];
      assert.ok(requests.length > 0, `${channel} was never told`);
      for (const { body } of requests) assert.deepEqual(canariesIn(body), [], channel);
      const places = requests.map(({ path, headers }) =>
        [path, ...Object.values(headers)].join(" "),
      );
      const known = new Set(places.flatMap((place) => place.match(/Zxq9\w+-[a-z-]+/g) ?? []));
      assert.ok(known.size <= (channel === "webhook" ? 3 : 1), `${channel}: ${[...known].join()}`);
    }
    assert.ok(house.mail.mails.length > 0);
    for (const { raw, parsed } of house.mail.mails) {
      assert.deepEqual(canariesIn(raw + parsed.subject + parsed.text), []);
    }
    assert.deepEqual(canariesIn(await readFile(house.user.at("witnessed"), "utf8")), []);
  });

  test("is in folders and files of their owner alone", async () => {
    const paths = await filesBelow(house.user.at("state"), () => true);

    const modes = await Promise.all(
      [house.user.at("state"), ...paths].map(async (path) => {
        const state = await lstat(path);
        return [path, state.isDirectory() ? "folder" : "file", state.mode & 0o777] as const;
      }),
    );

    for (const [path, kind, mode] of modes) {
      assert.equal(mode, kind === "folder" ? 0o700 : 0o600, path);
    }
  });
});

async function lookAround(house: SecretHouse): Promise<void> {
  await chmod(house.user.at(".config/holdfast/holdfast.yaml"), 0o644);
  await expecting(house, 3, "config", "check", "-v");
  await chmod(house.user.at(".config/holdfast/holdfast.yaml"), 0o600);
  for (const json of [[], ["--json", "-v"]]) {
    await expecting(house, 0, "config", "check", ...json);
    await expecting(house, 0, "config", "show", ...json);
    await house.call(["doctor", ...json]);
  }
}

async function workAndFail(house: SecretHouse): Promise<void> {
  const { user } = house;
  await house.call(["init", "--json", "-v", "fresh", "main"]);
  await house.call(["notify", "test"]);
  await house.call(["notify", "test", "--json"]);
  await house.call(["run", "--dry-run", "-v"]);
  await house.call(["run", "--dry-run", "--json"]);
  await expecting(
    house,
    0,
    "run",
    "--json",
    "-v",
    "main",
    "env",
    "command",
    "keyring",
    "credential",
  );
  await writeTree(user.at("data"), { "another.txt": "More" });
  await expecting(house, 0, "run", "-v", "main");
  for (const json of [[], ["--json", "-v"]]) {
    await expecting(house, 12, "run", "wrong", ...json);
    await expecting(house, 1, "run", "failing", ...json);
    await expecting(house, 1, "run", "hook", ...json);
    await expecting(house, 1, "run", "rest", "s3", "gone", ...json);
    await expecting(house, 1, "check", "rest", "s3", "wrong", ...json);
    await house.call(["init", "rest", ...json]);
  }
  await rm(user.at("data"), { recursive: true });
  await writeTree(user.at("data"), {});
  await expecting(house, 3, "run", "-v", "main");
  await house.call(["daemon", "--run-now", "-v"], async (end) => {
    await sleep(4000);
    end("SIGTERM");
  });
}

async function lookBack(house: SecretHouse): Promise<void> {
  const target = house.user.at("restored");
  for (const json of [[], ["--json", "-v"]]) {
    for (const words of [["status"], ["snapshots"], ["snapshots", "--find", "letter.txt"]]) {
      await house.call([...words, ...json]);
    }
    for (const words of [["history"], ["volumes"], ["recover"], ["check", "main"]]) {
      await expecting(house, 0, ...words, ...json);
    }
    const restore = ["restore", "main", "--target", `${target}${json.length}`, ...json];
    await expecting(house, 0, ...restore, "--dry-run");
    await expecting(house, 0, ...restore, "--from", "file");
  }
  const history = await house.call(["history", "--json", "--limit", "100"]);
  const shape = z.object({ runs: z.array(z.object({ run: z.string(), job: z.string() })) });
  const runs = Map.groupBy(shape.parse(JSON.parse(history.stdout)).runs, ({ job }) => job);
  for (const [latest] of runs.values()) {
    await expecting(house, 0, "logs", String(latest?.run));
    await expecting(house, 0, "logs", String(latest?.run), "--json", "-v");
  }
  await house.call(["accept", "main"]);
}

/** Configurations that are broken close to a secret. */
async function misconfigure(house: SecretHouse): Promise<void> {
  const file = house.user.at("broken.yaml");
  const secret = canary("broken");
  const broken = [
    `{ engine: restic, at: /srv/a, pasword: ${secret} }`,
    `{ engine: restic, at: /srv/a, password: *${secret} }`,
    `{ engine: restic, at: /srv/a, password: !${secret} }`,
    `{ engine: restic, at: /srv/a, password: { fil: ${secret} } }`,
    `{ engine: restic, at: /srv/a, password: "${secret} }`,
    `{ engine: restic, at: "rest:https://me:${secret}@example.org/", password: { env: X } }`,
    `{ engine: restic, at: /srv/a, password: ${secret}, compression: ${secret} }`,
  ];
  for (const repository of broken) {
    await writeFile(
      file,
      `repositories:\n  a: ${repository}\njobs:\n  a: { sources: [/x], repository: a }\n`,
    );
    await expecting(house, 2, "--config", file, "config", "check");
    await expecting(house, 2, "--config", file, "status", "--json");
  }
  await rm(file);
}

async function expecting(
  house: SecretHouse,
  status: number,
  ...words: readonly string[]
): Promise<void> {
  const { exitStatus, stdout, stderr } = await house.call(words);
  assert.equal(exitStatus, status, `${words.join(" ")}: ${stdout}${stderr}`);
}

async function filesBelow(
  folder: string,
  wanted: (path: string) => boolean,
): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name)).filter(wanted);
}
