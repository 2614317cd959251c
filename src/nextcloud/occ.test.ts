import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CommandFailed } from "../hosts/command-failed.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { type Capture, occCapture, occCaptures } from "../../test/support/nextcloud-captures.ts";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { explainOcc, OccFailed } from "./occ-trouble.ts";
import { jsonIn, readStatus, runOcc } from "./occ.ts";

const occ = ["sudo", "-u", "www-data", "php", "occ"] as const;
const { signal } = new AbortController();

/** The states in which a real Nextcloud did nothing, and how that is explained. */
const troubled = [
  ["wrong-user/root", "command-failed", /owner of config\.php, who is user 33/, /sudo, -u, "#33"/],
  ["wrong-user/nobody", "command-failed", /cannot write to config\.php/, /run occ as the owner/],
  ["configuration/read-only-file", "command-failed", /cannot write/, /maintenance: file/],
  ["configuration/owned-by-root", "command-failed", /cannot write/, /config_is_read_only/],
  [
    "configuration/apps-path-missing",
    "command-failed",
    /\/srv\/nextcloud\/app\/nowhere/,
    /apps_paths/,
  ],
  ["configuration/access-denied", "database-unusable", /refuses the user/, /dbuser/],
  ["configuration/unknown-database", "database-unusable", /may use/, /dbname/],
  [
    "configuration/byte-order-mark",
    "command-failed",
    /before <\?php.*config\.php/,
    /byte order mark/,
  ],
  ["configuration/leading-newline", "command-failed", /before <\?php/, /empty lines/],
  ["configuration/trailing-newlines", "command-failed", /after \?>/, /leave \?> out/],
  ["configuration/truncated", "command-failed", /syntax error/, /mend .*config\.php:22/],
  ["configuration/data-directory-missing", "source-missing", /no \.ocdata/, /mount the data/],
  ["configuration/downgrade", "command-failed", /from 30\.0\.0\.1 to 29\.0\.6\.1/, /install/],
  ["configuration/empty", "command-failed", /not installed/, /backup/],
  ["configuration/not-installed", "command-failed", /not installed/, /config\.php/],
  [
    "database-down/mariadb-socket",
    "database-unusable",
    /No such file or directory$/,
    /start the database/,
  ],
  ["database-down/mariadb-tcp", "database-unusable", /Connection refused$/, /start the database/],
  [
    "database-down/postgresql",
    "database-unusable",
    /port 5433 failed: Connection refused/,
    /start/,
  ],
] as const;

suite("what occ says when it does nothing", () => {
  for (const [state, code, message, hint] of troubled) {
    const captures = occCaptures(`${state}/`).filter(({ words }) => !isSilent(words));
    test(`is explained in the state ${state}, in each of ${captures.length} captures`, () => {
      for (const capture of captures) {
        const trouble = explainOcc(capture, { occ });

        assert.ok(trouble instanceof OccFailed, capture.name);
        assert.equal(trouble.code, code, capture.name);
        assert.match(trouble.message, message, capture.name);
        assert.match(trouble.hint ?? "", hint, capture.name);
      }
    });
  }

  test("is nothing that a healthy Nextcloud says", () => {
    const healthy = occCaptures().filter(
      ({ name, exitStatus }) =>
        exitStatus === 0 && !troubled.some(([state]) => name.startsWith(`${state}/`)),
    );

    assert.ok(healthy.length > 150);
    for (const capture of healthy)
      assert.equal(explainOcc(capture, { occ }), undefined, capture.name);
  });

  test("is told with its exception where nothing is known of it", () => {
    const stdout =
      "An unhandled exception has been thrown:\nRuntimeException: out of luck in /app/x.php:1\nStack trace:\n#0 {main}";

    const trouble = explainOcc({ exitStatus: 1, stdout, stderr: "" }, { occ });

    assert.match(trouble?.message ?? "", /exit status 1: RuntimeException: out of luck/);
    assert.equal(trouble?.hint, "to see more: sudo -u www-data php occ status");
  });

  test("names the owner of config.php, where he is known, and the words of docker", () => {
    const setting = { occ: ["docker", "exec", "app", "php", "occ"], owner: "www-data" } as const;

    const trouble = explainOcc(occCapture("wrong-user/nobody/status-json"), setting);

    assert.match(trouble?.hint ?? "", /after "exec": --user, "www-data"/);
  });
});

/** Of which exit status and output are the same with and without trouble. */
function isSilent(words: readonly string[]): boolean {
  return words.includes("-e");
}

suite("what docker, podman, sudo and PHP say instead of occ", () => {
  for (const [stderr, message, hint] of [
    [`no such service: nextclod`, /no running service/, /docker compose ps/],
    [`service "app" is not running`, /no running service/, /docker compose ps/],
    [`Error response from daemon: No such container: nc`, /no running container/, /docker ps/],
    [
      `Error response from daemon: Container 1234 is not running`,
      /no running container/,
      /docker ps/,
    ],
    [`Error: no container with name or ID "nc" found: no such container`, /no running/, /ps/],
    [`no configuration file provided: not found`, /does not find its configuration/, /-f/],
    [`open /srv/compose.yaml: no such file or directory`, /does not find its conf/, /-f/],
    [
      `permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock`,
      /may not be used/,
      /group docker/,
    ],
    [
      `Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?`,
      /does not answer/,
      /systemctl start/,
    ],
    [
      `unable to find user www-date: no matching entries in passwd file`,
      /does not exist there/,
      /33/,
    ],
    [`sudo: unknown user www-date`, /does not exist there/, /33/],
    [`the input device is not a TTY`, /in a terminal/, /-T/],
    [`sudo: a password is required`, /asks for a password/, /NOPASSWD/],
    [
      `OCI runtime exec failed: exec failed: unable to start container process: exec: "php": executable file not found in $PATH`,
      /not installed/,
      /whole path/,
    ],
    [`sudo: php: command not found`, /not installed/, /whole path/],
    [
      `PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)`,
      /134217728/,
      /memory_limit/,
    ],
  ] as const) {
    test(`is explained: ${stderr}`, () => {
      const trouble = explainOcc({ exitStatus: 1, stdout: "", stderr }, { occ });

      assert.match(trouble?.message ?? "", message);
      assert.match(trouble?.hint ?? "", hint);
    });
  }

  test("is explained when PHP does not find occ", () => {
    const output = { exitStatus: 1, stdout: "Could not open input file: occ\n", stderr: "" };

    assert.match(explainOcc(output, { occ })?.message ?? "", /PHP does not find occ/);
  });
});

function answer({ exitStatus, stdout, stderr }: Capture) {
  return { exitStatus, stdout, stderr };
}

suite("the status of a Nextcloud", () => {
  for (const [name, expected] of [
    ["local-mariadb/status-json", { inMaintenance: false, needsUpgrade: false }],
    ["local-mariadb/status-json.maintenance", { inMaintenance: true, needsUpgrade: false }],
    ["configuration/needs-upgrade/status-json", { inMaintenance: false, needsUpgrade: true }],
    [
      "configuration/needs-upgrade/status-json-after-on",
      { inMaintenance: true, needsUpgrade: true },
    ],
    ["configuration/memory-limit/status-json", { inMaintenance: false, needsUpgrade: false }],
    ["object-store-down/status-json", { inMaintenance: false, needsUpgrade: false }],
    ["sqlite-locked/status-json", { inMaintenance: false, needsUpgrade: false }],
  ] as const) {
    test(`is read from ${name}`, async () => {
      using host = new ScriptedHost(["occ status --output=json", answer(occCapture(name))]);

      const status = await readStatus({ host, occ: ["occ"] }, signal);

      assert.deepEqual(status, { version: "29.0.6.1", ...expected });
    });
  }

  test("is asked in words of one that is too old to have it in its status", async () => {
    using host = new ScriptedHost([
      "occ status --output=json",
      { stdout: '{"installed":true,"version":"24.0.5.1","versionstring":"24.0.5","edition":""}\n' },
      "occ maintenance:mode",
      answer(occCapture("local-mariadb/maintenance-mode.maintenance")),
    ]);

    const status = await readStatus({ host, occ: ["occ"] }, signal);

    assert.deepEqual(status, { version: "24.0.5.1", inMaintenance: true, needsUpgrade: false });
  });

  test("is found after what PHP had to say before", () => {
    assert.deepEqual(jsonIn('PHP Warning: Module x\n[not json\n{"installed":true}\n'), {
      installed: true,
    });
  });

  test("is an error when what answers is no occ", async () => {
    using host = new ScriptedHost(["occ status --output=json", { stdout: "hello\n" }]);

    await assert.rejects(readStatus({ host, occ: ["occ"] }, signal), /printed something else/);
  });
});

suite("running occ", () => {
  test("says which word of it is no program", async () => {
    using host = new ScriptedHost([
      "dokcer exec app occ status",
      new HoldfastError("tool-missing", "dokcer was not found"),
    ]);
    const access = { host, occ: ["dokcer", "exec", "app", "occ"] } as const;

    await assert.rejects(runOcc(access, { words: ["status"] }, signal), {
      code: "tool-missing",
      hint: 'occ is started with "dokcer": install it, or correct `occ` in the configuration',
    });
  });

  test("never shows what it printed, which may be passwords", async () => {
    using host = new ScriptedHost([
      "occ config:list",
      { exitStatus: 1, stdout: '{"system":{"dbpassword":"very private"}}' },
    ]);

    await assert.rejects(
      runOcc({ host, occ: ["occ"] }, { words: ["config:list"] }, signal),
      (error: unknown) =>
        error instanceof OccFailed &&
        !(error instanceof CommandFailed) &&
        !`${error.message}${error.hint}`.includes("private"),
    );
  });
});
