// What stands in the way is found, named, and mended by the very command that the hint gives.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { findExecutable } from "../../src/hosts/executable.ts";
import { writeTree } from "../support/backup-user.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { holdfastProgram, newUser, type User } from "../support/holdfast.ts";
import { Findings } from "../support/json-shapes.ts";
import { type LoopDrive, plugInDrive, withoutDrives } from "../support/loop-drive.ts";
import { sshdTools, startSshd } from "../support/sshd.ts";
import { withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);

type Found = ReturnType<typeof Findings.parse>["findings"][number];

type Environment = Readonly<Record<string, string>>;

async function examined(user: User, env: Environment = {}): Promise<readonly Found[]> {
  const { stdout, stderr } = await user.start(["doctor", "--json"], { env }).ended;
  assert.equal(stderr, "");
  return Findings.parse(JSON.parse(stdout)).findings;
}

/** The configuration is warned of on standard error as well. */
async function examinedPatiently(user: User): Promise<readonly Found[]> {
  const { stdout } = await user.holdfast("doctor", "--json");
  return Findings.parse(JSON.parse(stdout)).findings;
}

/** As a user who may not write everywhere, also where the tests run as root. */
async function examinedWithoutPrivileges(user: User): Promise<readonly Found[]> {
  const words = [holdfastProgram, "doctor", "--json"];
  const privileges = "--bounding-set=-dac_override,-dac_read_search";
  const isRoot = process.geteuid?.() === 0;
  const [file = "", ...args] = isRoot ? ["setpriv", privileges, "--", ...words] : words;
  // It ends with 1 where it has found something, as it should here.
  const { stdout } = spawnSync(file, args, { env: user.environment(), encoding: "utf8" });
  return Findings.parse(JSON.parse(stdout)).findings;
}

/** A PATH on which one program is another one: for what no disk or user of a test machine has. */
async function pretending(user: User, program: string, script: string): Promise<string> {
  await writeTree(user.at("pretended"), { [program]: `#!/bin/sh\n${script}\n` });
  await chmod(user.at("pretended", program), 0o755);
  return `${user.at("pretended")}:${process.env["PATH"]}`;
}

async function findingOf(user: User, code: string, env: Environment = {}): Promise<Found> {
  const findings = await examined(user, env);
  const found = findings.find((finding) => finding.code === code);
  assert.ok(found, `no ${code} in ${JSON.stringify(findings, undefined, 1)}`);
  return found;
}

/** Types the command of a hint into a shell, as its reader would. */
async function obey(user: User, { hint }: Found): Promise<void> {
  const path = `${dirname(holdfastProgram)}:${process.env["PATH"]}`;
  await execute("sh", ["-c", hint ?? "false"], { env: user.environment({ PATH: path }) });
}

/** Somebody who mirrors ~/data to ~/mirror, or to another place. */
async function mirroring(repository: Readonly<Record<string, unknown>> = {}): Promise<User> {
  const user = await newUser();
  await writeTree(user.at("data"), { letter: "Dear reader" });
  await user.configure({
    state: user.at("state"),
    repositories: { mirror: { engine: "rsync", at: user.at("mirror"), ...repository } },
    jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
  });
  return user;
}

async function ready(user: User): Promise<void> {
  for (const verb of ["init", "run"]) {
    const { exitStatus, stderr } = await user.holdfast(verb);
    assert.equal(exitStatus, 0, stderr);
  }
}

interface Obstacle {
  readonly code: string;
  readonly severity: "error" | "warning" | "away";
  /** Brings it about, below a mirror that is well. */
  readonly arrange: (mirror: string) => Promise<unknown>;
}

/** Finds what was arranged, obeys the hint, and finds nothing any more. */
async function isMended(user: User, mirror: string, { code, severity, arrange }: Obstacle) {
  await ready(user);
  await arrange(mirror);

  const found = await findingOf(user, code);
  assert.equal(found.severity, severity);
  await obey(user, found);

  const after = await examined(user);
  assert.ok(!after.some((finding) => finding.code === code), JSON.stringify(after));
  const again = await user.holdfast("run");
  assert.equal(again.exitStatus, 0, again.stderr);
}

const beside: readonly Obstacle[] = [
  {
    code: "latest-missing",
    severity: "warning",
    arrange: async (mirror) => await rm(join(mirror, "latest")),
  },
  {
    code: "latest-invalid",
    severity: "warning",
    arrange: async (mirror) => {
      await rm(join(mirror, "latest"));
      await symlink("snapshots/yesterday", join(mirror, "latest"));
    },
  },
  {
    code: "snapshots-folder-missing",
    severity: "error",
    arrange: async (mirror) => await rename(join(mirror, "snapshots"), join(mirror, ".elsewhere")),
  },
];

suite("the hint of", { skip: withoutTools("rsync"), concurrency: 2 }, () => {
  for (const obstacle of beside) {
    test(`${obstacle.code} mends it`, async () => {
      await using user = await mirroring();

      await isMended(user, user.at("mirror"), obstacle);
    });
  }

  test("hard-links-unsupported names other ways", async () => {
    await using user = await mirroring();
    await ready(user);
    const path = await pretending(user, "stat", "echo msdos");

    const found = await findingOf(user, "hard-links-unsupported", { PATH: path });

    assert.match(found.hint ?? "", /snapshots: none/);
  });

  test(
    "snapshots-folder-not-writable opens the folder",
    { skip: withoutTools("setpriv") },
    async () => {
      await using user = await mirroring();
      await ready(user);
      await chmod(user.at("mirror/snapshots"), 0o555);

      const found = (await examinedWithoutPrivileges(user)).find(
        ({ code }) => code === "snapshots-folder-not-writable",
      );
      assert.ok(found);
      await obey(user, found);

      const after = await examinedWithoutPrivileges(user);
      assert.ok(!after.some(({ code }) => code === found.code), JSON.stringify(after));
    },
  );

  test("repository-missing makes it", async () => {
    await using user = await mirroring();

    const found = await findingOf(user, "repository-missing");
    await obey(user, found);

    assert.equal((await user.holdfast("doctor")).exitStatus, 0);
  });

  test("marker-missing marks the volume", async () => {
    await using user = await mirroring();
    await mkdir(user.at("usb"));
    await user.configure({
      state: user.at("state"),
      volumes: { usb: { path: user.at("usb") } },
      repositories: { mirror: { engine: "rsync", at: "usb:mirror" } },
      jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
    });

    const found = await findingOf(user, "marker-missing");
    const beyond = await findingOf(user, "repository-away");

    assert.match(found.hint ?? "", /holdfast init/);
    assert.equal(beyond.message, "not examined: volume usb is away");
    assert.equal((await user.holdfast("init")).exitStatus, 0);
    assert.equal((await user.holdfast("doctor")).exitStatus, 0);
  });

  test("run-interrupted puts back what a killed run left", async () => {
    await using user = await mirroring();
    await ready(user);
    const inside = user.at("inside");
    const wait = `touch ${inside}; exec sleep 600`;
    const job = { sources: [user.at("data")], repository: "mirror" };
    await user.configure({
      state: user.at("state"),
      repositories: { mirror: { engine: "rsync", at: user.at("mirror") } },
      jobs: {
        documents: { ...job, hooks: { before: [["sh", "-c", wait]], after: [["rm", inside]] } },
      },
    });
    const run = user.start(["run"]);
    while (!existsSync(inside)) await delay(50);
    run.child.kill("SIGKILL");
    await run.ended;

    const found = await findingOf(user, "run-interrupted");
    await obey(user, found);

    assert.equal(found.severity, "warning");
    assert.ok(!existsSync(inside));
    const after = await examined(user);
    assert.ok(!after.some(({ code }) => code === "run-interrupted"), JSON.stringify(after));
  });

  test("config-warning says what nothing uses, and a warning ends with 3", async () => {
    await using user = await mirroring();
    await ready(user);
    await user.configure({
      state: user.at("state"),
      repositories: {
        mirror: { engine: "rsync", at: user.at("mirror") },
        unused: { engine: "rsync", at: user.at("unused") },
      },
      jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
    });

    const found = (await examinedPatiently(user)).find(({ code }) => code === "config-warning");

    assert.match(found?.message ?? "", /unused/);
    assert.equal((await user.holdfast("doctor")).exitStatus, 3);
  });

  test("secret-readable closes the file", async () => {
    await using user = await newUser();
    await writeTree(user.at("data"), { letter: "Dear reader" });
    await writeFile(user.at("token"), "a token\n", { mode: 0o644 });
    await user.configure({
      state: user.at("state"),
      repositories: { mirror: { engine: "rsync", at: user.at("mirror") } },
      notifiers: { phone: { type: "ntfy", topic: "t", token: { file: user.at("token") } } },
      jobs: { documents: { sources: [user.at("data")], repository: "mirror", notify: ["phone"] } },
    });
    await ready(user);

    await obey(user, await findingOf(user, "secret-readable"));
    const closed = await user.holdfast("doctor");
    await rm(user.at("token"));
    const gone = await findingOf(user, "secret-unavailable");

    assert.equal(closed.exitStatus, 0, closed.stdout);
    assert.deepEqual([gone.severity, gone.subject], ["error", "notifiers.phone.token"]);
  });
});

const onBtrfs: readonly Obstacle[] = [
  {
    code: "staging-missing",
    severity: "error",
    arrange: async (mirror) =>
      await execute("btrfs", ["subvolume", "delete", join(mirror, "staging")]),
  },
  {
    code: "staging-not-writable",
    severity: "error",
    arrange: async (mirror) =>
      await execute("btrfs", ["property", "set", join(mirror, "staging"), "ro", "true"]),
  },
];

suite(
  "on a disk of its own, the hint of",
  { skip: withoutTools("rsync", "btrfs") || withoutDisks("btrfs", "ext4") },
  () => {
    for (const obstacle of onBtrfs) {
      test(`${obstacle.code} mends it`, async () => {
        await using disk = await newDisk({ format: "btrfs" });
        const mirror = join(disk.path, "mirror");
        await using user = await mirroring({ at: mirror, snapshots: "btrfs" });

        await isMended(user, mirror, obstacle);
      });
    }

    test("staging-not-subvolume says what to do first", async () => {
      await using disk = await newDisk({ format: "btrfs" });
      const mirror = join(disk.path, "mirror");
      await using user = await mirroring({ at: mirror, snapshots: "btrfs" });
      await ready(user);
      await execute("btrfs", ["subvolume", "delete", join(mirror, "staging")]);
      await mkdir(join(mirror, "staging"));

      const found = await findingOf(user, "staging-not-subvolume");

      assert.match(found.hint ?? "", /move it away, then: btrfs subvolume create /);
    });

    test("not-btrfs names other ways", async () => {
      await using disk = await newDisk({ format: "ext4", sizeMiB: 32 });
      await using user = await mirroring({ at: join(disk.path, "mirror") });
      await ready(user);
      await user.configure({
        state: user.at("state"),
        repositories: {
          mirror: { engine: "rsync", at: join(disk.path, "mirror"), snapshots: "btrfs" },
        },
        jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
      });

      const found = await findingOf(user, "not-btrfs");

      assert.match(found.hint ?? "", /hard-links/);
    });

    test("repository-not-writable says what is mounted read-only", async () => {
      await using disk = await newDisk({ format: "ext4", sizeMiB: 32 });
      await using user = await mirroring({ at: join(disk.path, "mirror") });
      await ready(user);
      await disk.unmount();
      await disk.mount(["ro"]);

      const found = await findingOf(user, "repository-not-writable");

      assert.match(found.hint ?? "", /read-only/);
      assert.equal((await user.holdfast("doctor")).exitStatus, 1);
    });

    test("subvolumes-not-removable remounts the disk", async () => {
      await using disk = await newDisk({ format: "btrfs" });
      await using user = await mirroring({ at: join(disk.path, "mirror"), snapshots: "btrfs" });
      await ready(user);
      const path = await pretending(user, "id", "echo 1000");

      const found = await findingOf(user, "subvolumes-not-removable", { PATH: path });
      await execute("sh", ["-c", (found.hint ?? "").replace(/^sudo /, "")]);
      const after = await examined(user, { PATH: path });

      assert.ok(!after.some(({ code }) => code === found.code), JSON.stringify(after));
    });
  },
);

/** Somebody who mirrors ~/data to a volume on another machine. */
async function mirroringTo(nas: object, user: User): Promise<void> {
  await writeTree(user.at("data"), { letter: "Dear reader" });
  await user.configure({
    state: user.at("state"),
    hosts: { nas },
    volumes: { pool: { host: "nas", path: user.at("pool") } },
    repositories: { mirror: { engine: "rsync", at: "pool:mirror" } },
    jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
  });
}

suite("on another machine", { skip: withoutTools("rsync", ...sshdTools), concurrency: 2 }, () => {
  test("the hint is typed here, and mends there", async () => {
    await using server = await startSshd();
    await using user = await newUser();
    await mkdir(user.at("pool"));
    await mirroringTo(server.entry, user);
    await ready(user);
    await rm(user.at("pool/mirror/snapshots"), { recursive: true });

    const found = await findingOf(user, "snapshots-folder-missing");

    // As its reader would have it: keys and known hosts of a person are where ssh looks for them.
    const known = ["-i", server.key, "-o", `UserKnownHostsFile=${server.knownHosts}`];
    const command = (found.hint ?? "").replace(/^ssh /, `ssh ${known.join(" ")} `);
    assert.match(found.hint ?? "", /^ssh .*-p \d+ .*@127\.0\.0\.1 'mkdir -- .*snapshots'$/);
    await execute("sh", ["-c", command]);
    const after = await examined(user);
    assert.ok(!after.some(({ code }) => code === found.code), JSON.stringify(after));
  });

  test("all of it takes one connection, and tools are looked for there", async () => {
    await using server = await startSshd();
    await using user = await newUser();
    await mkdir(user.at("pool"));
    await mirroringTo(server.entry, user);
    await ready(user);
    const before = server.connections();

    const findings = await examined(user);

    assert.equal(server.connections() - before, 1);
    const subjects = findings.map(({ subject }) => subject);
    assert.ok(subjects.includes("rsync on nas"), subjects.join());
    assert.ok(subjects.includes("rsync"), subjects.join());
    assert.deepEqual(
      findings.filter(({ severity }) => severity !== "ok"),
      [],
    );
  });

  test("host-key-unknown and host-key-changed stand in the way, and nothing behind is an error", async () => {
    await using server = await startSshd();
    await using other = await startSshd();
    await using user = await newUser();
    await mkdir(user.at("pool"));
    const nothing = await user.write("nothing", "");
    await mirroringTo({ ...server.entry, "known-hosts": nothing }, user);

    const unknown = await examined(user);
    const [, key = ""] = /^\S+ (.*)$/m.exec(await readFile(other.knownHosts, "utf8")) ?? [];
    const swapped = await user.write("swapped", `[127.0.0.1]:${server.port} ${key}\n`);
    await mirroringTo({ ...server.entry, "known-hosts": swapped }, user);
    const changed = await examined(user);

    for (const [findings, code, hint] of [
      [unknown, "host-key-unknown", /ssh-keyscan/],
      [changed, "host-key-changed", /ssh-keygen .*-R/],
    ] as const) {
      const amiss = findings.filter(({ severity }) => severity !== "ok");
      assert.deepEqual(
        amiss.map((finding) => [finding.severity, finding.code]),
        [
          ["error", code],
          ["away", "host-away"],
          ["away", "repository-away"],
        ],
      );
      assert.match(amiss[0]?.hint ?? "", hint);
    }
  });

  test("host-login-refused names the command that stores a key", async () => {
    await using server = await startSshd();
    await using other = await startSshd();
    await using user = await newUser();
    await mirroringTo({ ...server.entry, key: other.key }, user);

    const found = await findingOf(user, "host-login-refused");

    assert.match(found.hint ?? "", /ssh-copy-id/);
  });

  test("location-excluded is no fault", async () => {
    await using user = await newUser();
    await mirroringTo({ addresses: [{ host: "127.0.0.1", location: "home" }] }, user);

    const words = ["doctor", "--json", "--exclude-location", "home"];
    const { stdout, exitStatus } = await user.start(words).ended;

    const { findings } = Findings.parse(JSON.parse(stdout));
    assert.deepEqual(
      findings.filter(({ severity }) => severity !== "ok").map(({ code }) => code),
      ["location-excluded", "host-away", "repository-away"],
    );
    assert.equal(exitStatus, 0);
  });
});

/** Somebody who mirrors ~/data to a drive. */
async function mirroringToDrive(volume: object): Promise<User> {
  const user = await newUser();
  await writeTree(user.at("data"), { letter: "Dear reader" });
  await user.configure({
    state: user.at("state"),
    volumes: { usb: volume },
    repositories: { mirror: { engine: "rsync", at: "usb:mirror" } },
    jobs: { documents: { sources: [user.at("data")], repository: "mirror" } },
  });
  return user;
}

/** Finds that only the drive is in the way, which is no fault. */
async function isAway(user: User, code: string): Promise<void> {
  const amiss = (await examined(user)).filter(({ severity }) => severity !== "ok");
  assert.deepEqual(
    amiss.map((finding) => [finding.severity, finding.code]),
    [
      ["away", code],
      ["away", "repository-away"],
    ],
  );
  assert.equal((await user.holdfast("doctor")).exitStatus, 0);
}

/** Formats a drive anew, as an encrypted one that is cheap to open, and answers with its id. */
async function encrypt(device: string, passphrase: string): Promise<string> {
  const cheap = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
  const words = [
    "luksFormat",
    "--batch-mode",
    "--type",
    "luks2",
    ...cheap,
    "--key-file",
    passphrase,
  ];
  await execute("cryptsetup", [...words, device]);
  const { stdout } = await execute("blkid", ["-p", "-s", "UUID", "-o", "value", device]);
  return stdout.trim();
}

/** A PATH with nothing but these pretended programs, and the real ones that looking takes. */
async function only(user: User, pretended: Readonly<Record<string, string>>): Promise<string> {
  const real = "sh cat find stat lsblk blkid findmnt readlink rsync cryptsetup".split(" ");
  await mkdir(user.at("only"));
  for (const program of real) {
    const found = findExecutable(program, process.env);
    if (found.kind === "found") await symlink(found.path, user.at("only", program));
  }
  for (const [program, script] of Object.entries(pretended)) {
    await writeFile(user.at("only", program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return user.at("only");
}

/** Formats a drive anew, and answers with its id. */
async function formatBtrfs({ device, directory }: LoopDrive): Promise<string> {
  const uuid = crypto.randomUUID();
  await execute("truncate", ["--size", "128M", join(directory, "image")]);
  await execute("losetup", ["--set-capacity", device]);
  await execute("mkfs.btrfs", ["-q", "-f", "-U", uuid, device]);
  return uuid;
}

/** For `skip`: where udisks has its part for btrfs, its absence cannot be seen. */
function withBtrfsModule(): string | false {
  const modules = globSync("/usr/lib/{*,*/*}/modules/libudisks2_btrfs.so");
  return modules.length > 0 ? "udisks has its part for btrfs here" : false;
}

suite("of a drive", { skip: withoutTools("rsync", "cryptsetup") || withoutDrives() }, () => {
  test("volume-missing is said where its folder is not there", async () => {
    await using user = await mirroringToDrive({ path: "/mnt/holdfast/nowhere" });

    await isAway(user, "volume-missing");
  });

  test("volume-not-mounted is said where mounting is left to a person", async (t) => {
    const drive = await plugInDrive(t);
    await using user = await mirroringToDrive({ device: drive.uuid, mount: "never" });

    await isAway(user, "volume-not-mounted");
  });

  test("device-locked is said where nothing unlocks it, passphrase-unavailable where nobody can be asked", async (t) => {
    const drive = await plugInDrive(t);
    const passphrase = join(drive.directory, "passphrase");
    await writeFile(passphrase, "an ordinary passphrase");
    const device = await encrypt(drive.device, passphrase);

    await using locked = await mirroringToDrive({ device });
    await isAway(locked, "device-locked");
    await using asking = await mirroringToDrive({ device, unlock: { luks: { prompt: true } } });
    await isAway(asking, "passphrase-unavailable");
  });

  for (const [code, udisksctl, pkcheck, hint] of [
    ["udisks-missing", undefined, "exit 0", /^sudo apt-get install udisks2 /],
    [
      "udisks-not-running",
      "echo 'no answer' >&2; exit 1",
      "exit 0",
      /^sudo systemctl start udisks2$/,
    ],
    ["polkit-rule-missing", "exit 0", "exit 2", /^holdfast volumes polkit-rule \| sudo tee /],
    ["udisks-btrfs-module-missing", "exit 0", "exit 0", /^sudo apt-get install udisks2-btrfs$/],
  ] as const) {
    const isBtrfs = code === "udisks-btrfs-module-missing";
    const skip = isBtrfs && (withoutTools("mkfs.btrfs") || withBtrfsModule());
    test(`${code} is told to an ordinary user, who mounts by udisks`, { skip }, async (t) => {
      const drive = await plugInDrive(t);
      const device = isBtrfs ? await formatBtrfs(drive) : drive.uuid;
      await using user = await mirroringToDrive({ device });
      const programs = {
        id: "echo 1000",
        pkcheck,
        ...(udisksctl === undefined ? {} : { udisksctl }),
      };
      const PATH = await only(user, programs);

      const found = await findingOf(user, code, { PATH });

      assert.match(found.hint ?? "", hint);
    });
  }

  test("unlock-failed and mount-failed are known when it is attached: a run says them", async (t) => {
    const drive = await plugInDrive(t);
    const path = join(drive.directory, "usb");
    await mkdir(path);
    const passphrase = join(drive.directory, "passphrase");
    await writeFile(passphrase, "an ordinary passphrase", { mode: 0o600 });
    const device = await encrypt(drive.device, passphrase);
    const unlock = { luks: { file: passphrase } };
    await using locked = await mirroringToDrive({ path, device, mount: "direct", unlock });
    const PATH = await pretending(
      locked,
      "cryptsetup",
      "echo 'the device is worn out' >&2; exit 1",
    );
    const notUnlocked = await locked.start(["run", "--json"], { env: { PATH } }).ended;

    const { stdout } = await execute("mkswap", [drive.device]);
    const [, swap = ""] = /UUID=(\S+)/.exec(stdout) ?? [];
    await using odd = await mirroringToDrive({ path, device: swap, mount: "direct" });
    const notMounted = await odd.holdfast("run", "--json");

    assert.equal(notUnlocked.exitStatus, 1);
    assert.match(notUnlocked.stdout, /"code":"unlock-failed"/);
    assert.match(notUnlocked.stdout, /worn out/);
    assert.equal(notMounted.exitStatus, 1);
    assert.match(notMounted.stdout, /"code":"mount-failed"/);
  });
});
