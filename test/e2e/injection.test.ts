// Nothing that a person writes into the configuration or the command line becomes an option or a command of a tool.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, readdir, readFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { configureBackup, finishedRun, type Setup, writeTree } from "../support/backup-user.ts";
import { type Ended, newUser, type User } from "../support/holdfast.ts";
import { Snapshots } from "../support/json-shapes.ts";
import { forgeRepository } from "../support/restic-forge.ts";
import { openSmtpSink } from "../support/smtp-sink.ts";
import { withoutTools } from "../support/tools.ts";

const options = { skip: withoutTools("restic", "openssl"), concurrency: 2 };

// Each makes a file "pwned" if a shell reads it, or if restic, ssh or another tool takes it for an option.
const forShells = [
  "$(touch pwned)",
  "`touch pwned`",
  "; touch pwned;",
  "| touch pwned",
  "& touch pwned &",
  "a && touch pwned",
  "a || touch pwned",
  "'; touch pwned; '",
  '"; touch pwned; "',
  "> pwned",
  "\\$(touch pwned)",
  "${IFS}touch${IFS}pwned",
  "!touch pwned",
  "%x(touch pwned)",
];
const forTools = [
  "-oProxyCommand=touch pwned",
  "-osftp.command=touch pwned",
  "--password-command=touch pwned",
  "--option=sftp.command=touch pwned",
  "--stdin-from-command",
  "--files-from=pwned",
  "--repo=pwned",
  "--cache-dir=pwned",
  "--target=pwned",
  "--help",
  "--",
  "-",
];
const payloads = [...forShells, ...forTools];
/** As names of files. */
const names = [...payloads, "a\ntouch pwned\n--password-command=touch pwned"];
/** As tags and labels. */
const words = payloads.map((text) => text.replaceAll(",", ";"));

const password = "an ordinary password";

/** What differs from the ordinary configuration, by what is wrong with it. */
const refused: Readonly<Record<string, Setup>> = {
  "an ssh host": { repository: { at: "sftp:-oProxyCommand=touch pwned:/srv" } },
  "an ssh host after a user": { repository: { at: "sftp:me@-oProxyCommand=touch pwned:/srv" } },
  "the host of an address": { repository: { at: "sftp://-oProxyCommand=touch%20pwned/srv" } },
  "its host after a user": { repository: { at: "sftp://me@-oProxyCommand=touch%20pwned/srv" } },
  "a user of ssh": { repository: { at: "sftp:-oProxyCommand=touch pwned@host:/srv" } },
  "the user of an address": { repository: { at: "sftp://-oProxyCommand=touch%20pwned@host/srv" } },
  "a repository": { repository: { at: "--password-command=touch pwned" } },
  "a relative repository": { repository: { at: "$(touch pwned)" } },
  "a remote of rclone": { repository: { at: "rclone:--config=touch pwned:x" } },
  "a program": { repository: { program: "--password-command=touch pwned" } },
  "a tag with a comma": { repository: { tags: ["a,--password-command=touch pwned"] } },
  "a tag with a line break": { repository: { tags: ["a\n--password-command=touch pwned"] } },
  "a tag that is ours": { repository: { tags: ["holdfast:other"] } },
  "a host with spaces": { repository: { host: "-oProxyCommand=touch pwned" } },
  "the key of an option": { repository: { options: { "sftp.command=touch pwned;x": "y" } } },
  "the name of a variable": { repository: { environment: { "A=$(touch pwned)": "x" } } },
  "a variable that is ours": {
    repository: { environment: { RESTIC_PASSWORD_COMMAND: "touch pwned" } },
  },
  "a variable for the source": {
    repository: { environment: { RESTIC_FROM_PASSWORD_COMMAND: "touch pwned" } },
  },
  "a variable for the repository": {
    repository: { environment: { RESTIC_REPOSITORY_FILE: "pwned" } },
  },
  "a cache": { repository: { "cache-dir": "--password-command=touch pwned" } },
  "a certificate": { repository: { cacert: "--password-command=touch pwned" } },
  "a rate": { repository: { limits: { upload: "1MiB --password-command=touch pwned" } } },
  "unused space": { repository: { "max-unused": "5% --password-command=touch pwned" } },
  "a share to read": { repository: { "check-read-data": "--password-command=touch pwned" } },
  compression: { repository: { compression: "--password-command=touch pwned" } },
  "a relative source": { job: { sources: ["--files-from=pwned"] } },
  "a relative file of patterns": { job: { "exclude-files": ["--password-command=touch pwned"] } },
  "a size": { job: { "exclude-larger-than": "1G --password-command=touch pwned" } },
  "a label with a comma": { job: { labels: ["a,--password-command=touch pwned"] } },
  "a label with a line break": { job: { labels: ["a\n--password-command=touch pwned"] } },
  "a hook that is a line for a shell": { job: { hooks: { before: ["touch pwned"] } } },
  "a copy": { job: { copies: ["$(touch pwned)"] } },
  "a schedule": { job: { schedule: "0 2 * * *; touch pwned" } },
  "the name of a job": {
    more: { jobs: { "$(touch pwned)": { sources: ["/etc"], repository: "disk" } } },
  },
  "the name of a job like an option": {
    more: { jobs: { "--help": { sources: ["/etc"], repository: "disk" } } },
  },
  "the name of a volume": { more: { volumes: { "a;touch pwned": { path: "/srv" } } } },
  "the name of a notifier": { more: { notifiers: { "`touch pwned`": { type: "desktop" } } } },
  "the sender of a mail": {
    more: { notifiers: { mail: { type: "email", host: "h", from: "a@b\nBcc: c@d", to: ["a@b"] } } },
  },
  "the topic of a message": {
    more: { notifiers: { push: { type: "ntfy", topic: "a/../$(touch pwned)" } } },
  },
  "the name of a header": {
    more: { notifiers: { web: { type: "webhook", url: "http://h", headers: { "A: b\nC": "d" } } } },
  },
};

/** Addresses that may be meant so: ssh refuses such hosts, and no other tool is there. */
const unreachable = [
  "sftp:$(touch pwned):/srv",
  "sftp:host;touch pwned:/srv",
  "sftp:me@`touch pwned`:/srv",
  "sftp://a|touch%20pwned/srv",
  "sftp://%2DoProxyCommand=touch%20pwned/srv",
  "sftp://127.0.0.1:9/--password-command=touch pwned",
  "rest:http://127.0.0.1:9/$(touch pwned)/",
  "s3:http://127.0.0.1:9/--password-command=touch pwned/",
];

/** Fails when anything of what the payloads want has happened, anywhere in the home. */
async function assertNotPwned(user: User): Promise<void> {
  const all = await readdir(user.home, { recursive: true });
  const made = all.filter((name) => /(^|\/)pwned$/.test(name));
  assert.deepEqual(made, []);
}

/** A job with hostile sources, labels, tags and arguments. */
async function configureHostile(user: User, repository: string): Promise<void> {
  const witness = `#!/bin/sh\nprintf '%s\\0' "$@" > '${user.at("arguments")}'\n`;
  await chmod(await user.write("witness", witness), 0o755);
  await configureBackup(user, {
    repository: {
      at: repository,
      tags: words,
      host: "-oProxyCommand=touch${IFS}pwned",
      "cache-dir": user.at("-c $(touch pwned)"),
      options: { "s3.region": "--password-command=touch pwned" },
      environment: { SOME_VARIABLE: "$(touch pwned)" },
    },
    job: {
      sources: names.map((name) => user.at("data", name)),
      labels: words.map((word) => `${word} as a label`),
      hooks: { before: [[user.at("witness"), ...names]] },
    },
    more: { state: user.at("-s $(touch pwned)") },
  });
}

/** A job whose source is missing, and notifiers that are told its name. */
async function configureTold(user: User, port: number, name: string): Promise<void> {
  const program = async (file: string, script: string): Promise<string> => {
    const path = await user.write(file, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const told = await program("tell", `cat >> '${user.at("told")}'`);
  const mail = { type: "email", host: "127.0.0.1", port, tls: "none", from: "a@example.org" };
  await configureBackup(user, {
    job: { sources: [user.at("missing", name)], notify: ["program", "mail"] },
    more: {
      notifiers: {
        program: { type: "command", command: [told, name], "include-details": true },
        mail: { ...mail, to: ["b@example.org"], "include-details": true },
      },
    },
  });
}

/** A user with a repository that opens in no time. */
async function quickUser(setup: Setup = {}): Promise<User> {
  const user = await newUser();
  await forgeRepository("restic", user.at("repository"), password);
  await configureBackup(user, setup);
  await writeTree(user.at("data"), { letter: "Dear reader" });
  return user;
}

function assertStatus(ended: Ended, expected: number, about: string): void {
  assert.equal(ended.exitStatus, expected, `${about}: ${ended.stdout}${ended.stderr}`);
}

suite("a hostile text in the configuration", options, () => {
  test("is what it says: as path, label, tag, host, option and argument", async (t) => {
    await using user = await newUser();
    const repository = user.at("-r $(touch pwned); `touch pwned`");
    await forgeRepository("restic", repository, password);
    await configureHostile(user, repository);
    for (const name of names) await writeTree(user.at("data", name), { [name]: name });
    t.diagnostic(`${names.length * 2 + words.length * 2 + 6} texts`);

    assertStatus(await user.holdfast("run", "--json", "--label", "--help"), 0, "run");

    await assertNotPwned(user);
    const { stdout } = await user.holdfast("snapshots", "--json");
    const [snapshot] = Snapshots.parse(JSON.parse(stdout)).snapshots;
    const labels = [...words, ...words.map((word) => `${word} as a label`)];
    assert.deepEqual(new Set(snapshot?.labels), new Set(labels));
    assert.equal(await readFile(user.at("arguments"), "utf8"), [...names, ""].join("\0"));
    const target = user.at("-t $(touch pwned)");
    assertStatus(await user.holdfast("restore", "documents", "--target", target), 0, "restore");
    const { status, stdout: difference } = spawnSync("diff", [
      "--recursive",
      user.at("data"),
      `${target}${user.at("data")}`,
    ]);
    assert.equal(status, 0, difference.toString());
    await assertNotPwned(user);
  });

  test("is a pattern, the name of a file of patterns, and the name of a mark", async (t) => {
    const patterns = words.filter((word) => !/^!|\\/.test(word));
    await using user = await quickUser({
      job: {
        exclude: patterns,
        "exclude-files": names.map((name) => "/HOME/patterns/" + name),
        "exclude-if-present": names,
      },
    });
    const configuration = await readFile(user.at(".config/holdfast/holdfast.yaml"), "utf8");
    await user.write(
      ".config/holdfast/holdfast.yaml",
      configuration.replaceAll("/HOME", user.home),
    );
    for (const [index, name] of names.entries()) {
      await writeTree(user.at("patterns"), { [name]: `by file ${index}\n` });
      await writeTree(user.at("data"), { [`by file ${index}`]: "lost", [`kept ${index}`]: "kept" });
      await writeTree(user.at(`data/marked ${index}`), { [name]: "mark", lost: "lost" });
    }
    for (const pattern of patterns) await writeTree(user.at("data/by name"), { [pattern]: "lost" });
    t.diagnostic(`${names.length * 2 + patterns.length} texts`);

    assertStatus(await user.holdfast("run", "--json"), 0, "run");

    await assertNotPwned(user);
    const target = user.at("restored");
    assertStatus(await user.holdfast("restore", "documents", "--target", target), 0, "restore");
    const restored = await readdir(`${target}${user.at("data")}`, { recursive: true });
    const marks = names.map((name, index) => {
      const inPattern = patterns.includes(name);
      return inPattern ? [`marked ${index}`] : [`marked ${index}`, `marked ${index}/${name}`];
    });
    const expected = [
      "letter",
      "by name",
      ...names.map((_, index) => `kept ${index}`),
      ...marks.flat(),
    ];
    assert.deepEqual(restored.toSorted(), expected.toSorted());
  });

  for (const [what, change] of Object.entries(refused)) {
    test(`is refused as ${what}`, async () => {
      await using user = await newUser();
      await configureBackup(user, change);

      const checked = await user.holdfast("config", "check");
      const run = await user.holdfast("run");

      for (const ended of [checked, run]) {
        assertStatus(ended, 2, what);
        assert.equal(ended.stderr.match(/^error: /gm)?.length, 1, ended.stderr);
        assert.doesNotMatch(ended.stderr, /unexpected|    at /);
      }
      await assertNotPwned(user);
    });
  }

  for (const at of unreachable) {
    test(`fails as the address ${at}, and starts nothing`, async () => {
      await using user = await newUser();
      await configureBackup(user, { repository: { at } });
      await writeTree(user.at("data"), { letter: "Dear reader" });

      const event = finishedRun(await user.holdfast("run", "--json"));

      assert.equal(event["outcome"], "failure");
      assert.notEqual(event["code"], "bug", JSON.stringify(event));
      await assertNotPwned(user);
    });
  }

  test("is only text to whoever is told of it", async () => {
    await using mail = await openSmtpSink({ tls: "none" });
    await using user = await newUser();
    const told = ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', names.at(-1) ?? ""];

    for (const name of told) {
      await configureTold(user, mail.port, name);
      finishedRun(await user.holdfast("run", "--json"));
    }

    await assertNotPwned(user);
    assert.equal(mail.mails.length, told.length);
    const heard = await readFile(user.at("told"), "utf8");
    for (const [index, name] of told.entries()) {
      const { headers = [], subject, text } = mail.mails[index]?.parsed ?? {};
      assert.equal(subject, "documents: failed: source-missing");
      assert.deepEqual(
        headers.filter(({ value }) => value.includes("pwned")),
        [],
      );
      assert.ok(text?.includes(name.split("\n")[0] ?? ""), `${name}: ${text}`);
      assert.ok(heard.includes(JSON.stringify(name).slice(1, -1)), name);
    }
  });
});

suite("a hostile text on the command line", options, () => {
  const refusedWords: readonly (readonly string[])[] = payloads.flatMap((text) => [
    ["run", "--", text],
    ["restore", "--target", "new", "--", `documents@${text}`],
  ]);
  const one = "$(touch pwned)";
  const option = "--password-command=touch pwned";
  const takesNames =
    "status snapshots check init doctor history logs accept forget copy prune backup".split(" ");
  const moreRefusedWords = takesNames.flatMap((command) => [
    [command, one],
    [command, option],
    [command, "--", option],
  ]);

  test("is a name that does not exist, or an option that does not exist", async (t) => {
    await using user = await quickUser();
    assertStatus(await user.holdfast("run"), 0, "run");
    const all = [
      ...refusedWords,
      ...moreRefusedWords,
      ["restore", "documents", "--target", "new", "--from", option],
      ["check", `--read-data=5%; touch pwned`],
      ["check", `--read-data=${option}`],
      ["run", "--only", `backup,${option}`],
      ["history", "--limit", one],
      ["notify", "test", one],
      ["completion", one],
      ["--config", one, "status"],
      ["--config", "--password-command=touch pwned", "status"],
    ];
    t.diagnostic(`${all.length} command lines`);

    for (const line of all) {
      const ended = await user.holdfast(...line);
      assertStatus(ended, 2, line.join(" "));
      assert.match(ended.stderr, /^error: /, line.join(" "));
    }

    await assertNotPwned(user);
    assert.ok(!(await readdir(user.home)).includes("new"), "nothing was restored");
  });

  test("is what it says where any text will do", async (t) => {
    await using user = await quickUser();
    for (const name of names) await writeTree(user.at("data"), { [name]: name });
    const labels = payloads.flatMap((text) => ["--label", text]);
    t.diagnostic(`${labels.length / 2 + names.length * 3} texts`);

    assertStatus(await user.holdfast("run", ...labels), 0, "run with labels");
    for (const name of names) {
      const found = await user.holdfast("snapshots", "--json", "--find", name);
      assertStatus(found, 0, `find ${name}`);
    }
    const paths = names.map((name) => user.at("data", name));
    const restore = ["restore", "documents", "--target", "-oProxyCommand=touch pwned", "--"];
    assertStatus(await user.holdfast(...restore, ...paths), 0, "restore");
    const relative = ["restore", "documents", "--target", "$(touch pwned)", "--", ...names];
    const restored = await user.holdfast(...relative);

    assert.ok([0, 3].includes(restored.exitStatus ?? -1), restored.stderr);
    for (const name of names) {
      const path = `-oProxyCommand=touch pwned${user.at("data")}/${name}`;
      assert.equal(await readFile(user.at(path), "utf8"), name);
    }
    await assertNotPwned(user);
  });
});
