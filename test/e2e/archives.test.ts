// Archives as their user meets them: made, copied to another machine, pruned, and restored by hand as the guide says.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writeTree } from "../support/backup-user.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { Snapshots } from "../support/json-shapes.ts";
import { killProcesses } from "../support/processes.ts";
import { sshdTools, startSshd } from "../support/sshd.ts";
import { withoutTools } from "../support/tools.ts";
import { filesIn } from "../support/tree-hash.ts";

const skip = withoutTools("tar", "zstd", "gpg", "gpgconf");
const passphrase = "an ordinary passphrase";
const guide = resolve(import.meta.dirname, "../../docs/guides/archives.md");

/** A user with letters and a job that archives them. */
async function letterWriter(more: Readonly<Record<string, object>> = {}): Promise<User> {
  const user = await newUser();
  await user.write("archives.key", passphrase);
  await user.configure({
    state: user.at("state"),
    repositories: {
      letters: {
        engine: "tar",
        at: user.at("archives"),
        encrypt: { gpg: { passphrase: { file: user.at("archives.key") } } },
        ...more["letters"],
      },
      ...more["repositories"],
    },
    jobs: { letters: { sources: [user.at("Letters")], repository: "letters", ...more["job"] } },
    ...more["more"],
  });
  await writeTree(user.at("Letters"), { "to/aunt": "Dear aunt", old: "old" });
  return user;
}

async function succeeds(user: User, ...words: readonly string[]): Promise<string> {
  const { exitStatus, stdout, stderr } = await user.holdfast(...words);
  assert.equal(exitStatus, 0, stdout + stderr);
  return stdout;
}

async function idsIn(user: User, repository: string): Promise<readonly string[]> {
  const { snapshots } = Snapshots.parse(JSON.parse(await succeeds(user, "snapshots", "--json")));
  return snapshots.filter((each) => each.repository === repository).map(({ id }) => id);
}

suite("archives", { skip }, () => {
  test("are restored by hand with the commands of the guide", async () => {
    await using user = await letterWriter();
    await succeeds(user, "init");
    await succeeds(user, "run");
    await rm(user.at("Letters/old"));
    await writeTree(user.at("Letters"), { "to/aunt": "Dear aunt,", new: "new" });
    await succeeds(user, "run");
    const [full = "", differential = ""] = (await readdir(user.at("archives")))
      .filter((name) => name.endsWith(".gpg") && !name.startsWith("."))
      .toSorted();
    const [, commands = ""] =
      /as they stand here\. -->\n\n```sh\n(.*?)```/s.exec(await readFile(guide, "utf8")) ?? [];
    // Another folder and other names, and the passphrase from a file instead of a window.
    const script = commands
      .replaceAll("/tmp/restored", user.at("restored"))
      .replaceAll("/srv/archives/letters", user.at("archives"))
      .replaceAll(/\S+-full\.tar\.zst\.gpg/g, full)
      .replaceAll(/\S+-differential\.tar\.zst\.gpg/g, differential);
    await mkdir(user.at("gnupg"), { mode: 0o700 });
    const settings = `batch\npinentry-mode loopback\npassphrase-file ${user.at("archives.key")}\n`;
    await user.write("gnupg/gpg.conf", settings);
    const env = { ...user.environment(), GNUPGHOME: user.at("gnupg") };

    const { status, stderr } = spawnSync("sh", ["-e", "-c", script], { encoding: "utf8", env });
    spawnSync("gpgconf", ["--kill", "gpg-agent"], { env });

    assert.equal(status, 0, stderr);
    assert.match(full, /-full\.tar\.zst\.gpg$/);
    const restored = await filesIn(join(user.at("restored"), user.at("Letters")));
    assert.deepEqual(restored, { "to/aunt": "Dear aunt,", new: "new" });
  });

  test("of the Nextcloud backup script are pruned by number, and those that are needed stay", async () => {
    await using user = await letterWriter({
      letters: { compress: "gzip", encrypt: undefined, keep: { full: 2, differential: 2 } },
      job: { "prune-every": "0s" },
    });
    await mkdir(user.at("archives"));
    const days = ["01", "02", "03", "04", "05", "06"];
    for (const day of days) {
      const kind = day === "01" || day === "04" ? "full" : "differential";
      const base = day < "04" ? "2026-02-01-03-full" : "2026-02-04-03-full";
      const [archive, state] = [`2026-02-${day}-03-${kind}.tar.gz`, `${base}.snar`];
      const words = ["-C", user.at("Letters"), "-czf", user.at("archives", archive)];
      execFileSync("tar", [...words, "--listed-incremental", user.at("archives", state), "."]);
    }

    await succeeds(user, "run", "--full");

    const made = (await idsIn(user, "letters")).filter((id) => !id.startsWith("2026-02-"));
    assert.equal(made.length, 1);
    const files = (await readdir(user.at("archives"))).filter((name) =>
      name.startsWith("2026-02-"),
    );
    assert.deepEqual(files.toSorted(), [
      "2026-02-04-03-full.snar",
      "2026-02-04-03-full.tar.gz",
      "2026-02-05-03-differential.tar.gz",
      "2026-02-06-03-differential.tar.gz",
    ]);
  });

  test(
    "that were being copied to another machine are gone on with after a kill",
    {
      skip: withoutTools(...sshdTools),
    },
    async () => {
      await using server = await startSshd();
      await using user = await letterWriter({
        letters: { compress: "none", encrypt: undefined },
        job: { copies: ["far"] },
        more: {
          hosts: { server: { ...server.entry } },
          volumes: { far: { host: "server", path: "/" } },
        },
      });
      const far = user.at("far");
      const text = (await user.read(".config/holdfast/holdfast.yaml")).replace(
        '"repositories": {',
        `"repositories": { "far": { "engine": "tar", "compress": "none", "at": ${JSON.stringify(`far:${far.slice(1)}`)} },`,
      );
      await user.write(".config/holdfast/holdfast.yaml", text);
      await writeFile(user.at("Letters/large"), randomBytes(60_000_000));
      await succeeds(user, "init");
      await succeeds(user, "run", "--only", "backup");
      const { child, ended } = user.start(["run", "--only", "copy"]);
      const part = async (): Promise<number> => {
        const [name] = (await readdir(far)).filter(
          (each) => each.endsWith(".tar") && each.startsWith("."),
        );
        return name === undefined ? 0 : (await stat(join(far, name))).size;
      };
      for (let tries = 0; tries < 6000 && (await part()) === 0; tries += 1) await sleep(5);
      child.kill("SIGKILL");
      await ended;
      killProcesses(user.home);
      const arrived = await part();
      const listed = await idsIn(user, "far");

      await succeeds(user, "run", "--only", "copy");

      assert.deepEqual(listed, []);
      assert.ok(arrived > 0 && arrived < 60_000_000, `${arrived} bytes had arrived`);
      assert.deepEqual(await idsIn(user, "far"), await idsIn(user, "letters"));
      await succeeds(user, "check", "--read-data");
      assert.equal(await part(), 0);
    },
  );
});
