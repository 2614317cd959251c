import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backupCommand,
  checkCommand,
  copyCommands,
  forgetCommands,
  literalPattern,
  pruneCommand,
  restoreCommand,
  snapshotsCommand,
  type BackupScope,
  type Setting,
} from "./commands.ts";
import { Options } from "./options.ts";

function aSetting(changes: Readonly<Record<string, unknown>> = {}): Setting {
  const least = { engine: "restic", at: "/srv/backup", password: { env: "X" } };
  const options = Options.parse({ ...least, ...changes });
  return { options, location: options.at, machine: "laptop" };
}

function aScope(changes: Partial<BackupScope> = {}): BackupScope {
  return {
    job: "documents",
    paths: ["/home"],
    selection: {
      exclude: [],
      excludeFiles: [],
      excludeIfPresent: [],
      ignoreCase: false,
      oneFileSystem: false,
    },
    labels: [],
    full: false,
    ...changes,
  };
}

test("a plain backup says no more than it has to", () => {
  const { argv, effect, okExits } = backupCommand(aSetting(), aScope());

  assert.deepEqual(
    argv.join(" "),
    "restic --repo /srv/backup backup --json --host laptop --tag holdfast:documents -- /home",
  );
  assert.deepEqual([effect, okExits], ["writes", [0, 3]]);
});

test("every wish of the configuration becomes an option", () => {
  const setting = aSetting({
    tags: ["daily"],
    compression: "max",
    limits: { upload: "2MiB", download: "1536KiB" },
    "pack-size": "64MiB",
    "cache-dir": "/var/cache/restic",
    "read-concurrency": 4,
    cacert: "/etc/ca.pem",
    "tls-client-cert": "/etc/me.pem",
    options: { "s3.connections": 10 },
    program: "/opt/restic",
  });
  const scope = aScope({
    labels: ["pre, upgrade"],
    full: true,
    selection: {
      exclude: ["*.tmp", "-x"],
      excludeFiles: ["/etc/excludes"],
      excludeIfPresent: [".nobackup"],
      excludeLargerThanBytes: 1_000_000,
      ignoreCase: false,
      oneFileSystem: true,
    },
  });

  const { argv } = backupCommand(setting, scope);

  assert.equal(
    argv.join(" "),
    [
      "/opt/restic --repo /srv/backup backup --json",
      "--cache-dir /var/cache/restic --limit-upload 2048 --limit-download 1536",
      "--cacert /etc/ca.pem --tls-client-cert /etc/me.pem --option s3.connections=10",
      "--host laptop --tag holdfast:documents --tag daily --tag pre%2C upgrade",
      "--force --compression max --read-concurrency 4 --pack-size 64",
      "--exclude *.tmp --exclude -x --exclude-file /etc/excludes",
      "--exclude-if-present .nobackup --exclude-larger-than 1000000",
      "--one-file-system -- /home",
    ].join(" "),
  );
});

test("upper and lower case are told apart only where that is wanted", () => {
  const selection = {
    ...aScope().selection,
    exclude: ["*.TMP"],
    excludeFiles: ["/etc/excludes"],
    ignoreCase: true,
  };

  const { argv } = backupCommand(aSetting(), aScope({ selection }));

  assert.match(argv.join(" "), /--iexclude \*\.TMP --iexclude-file \/etc\/excludes/);
});

test("many paths go by standard input, and hostile ones unchanged", () => {
  const paths = Array.from({ length: 5000 }, (_, index) => `/home/line\nfeed ${index}`);

  const { argv, stdin } = backupCommand(aSetting(), aScope({ paths }));

  assert.deepEqual(argv.slice(-2), ["--files-from-raw", "-"]);
  assert.equal(stdin, paths.map((path) => `${path}\0`).join(""));
});

test("ids are told in as many commands as they need", () => {
  const ids = Array.from({ length: 1200 }, (_, index) => String(index).padStart(64, "0"));

  const forgets = forgetCommands(aSetting(), ids).map(({ argv }) => argv);
  const copies = copyCommands(aSetting(), aSetting({ at: "/srv/from" }), ids);

  assert.deepEqual(
    forgets.map((argv) => argv.length - argv.indexOf("--") - 1),
    [500, 500, 200],
  );
  assert.deepEqual(
    forgets.flatMap((argv) => argv.slice(argv.indexOf("--") + 1)),
    ids,
  );
  assert.equal(copies.length, 3);
  assert.match(copies[0]?.argv.join(" ") ?? "", /copy --json --from-repo \/srv\/from -- 0000/);
  assert.deepEqual(forgetCommands(aSetting(), []), []);
});

test("a check reads back as much as it is told", () => {
  const setting = aSetting();
  const levels = [{}, { readData: "2.5%" }, { readData: "100%" }, { readData: "100.0%" }];

  const ends = levels.map((level) => checkCommand(setting, level).argv.slice(5).join(" "));

  assert.deepEqual(ends, ["", "--read-data-subset 2.5%", "--read-data", "--read-data"]);
});

test("looking takes no lock, and what writes says so", () => {
  assert.equal(snapshotsCommand(aSetting()).effect, "reads");
  assert.ok(snapshotsCommand(aSetting()).argv.includes("--no-lock"));
  assert.equal(pruneCommand(aSetting({ "max-unused": "10%" })).effect, "writes");
  assert.match(pruneCommand(aSetting({ "max-unused": "10%" })).argv.join(" "), /--max-unused 10%/);
});

test("a path is restored as a path, not as a pattern", () => {
  const request = {
    snapshot: "1".repeat(64),
    include: ["/home/[2019] *?\\"],
    target: "/tmp/restored",
  };

  const { argv } = restoreCommand(aSetting(), request);

  assert.equal(literalPattern("/a/b"), "/a/b");
  assert.deepEqual(argv.slice(-6), [
    "--target",
    "/tmp/restored",
    "--include",
    String.raw`/home/\[2019\] \*\?\\`,
    "--",
    "1".repeat(64),
  ]);
});

test("an address with a password is not in the arguments", () => {
  const environment = { RESTIC_REST_USERNAME: "anna", RESTIC_REST_PASSWORD: "secret" };
  const setting = aSetting({ at: "rest:https://example.org/anna/", environment });

  const commands = [snapshotsCommand(setting), ...copyCommands(setting, setting, ["1".repeat(64)])];

  for (const { argv } of commands) assert.doesNotMatch(argv.join(" "), /--repo|--from-repo|secret/);
});
