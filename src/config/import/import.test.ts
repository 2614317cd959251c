import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { HoldfastError } from "../../kernel/errors.ts";
import { type Finding, importConfig, type ImportRequest, type ImportResult } from "./import.ts";
import { readerNames } from "./read-file.ts";
import { toolNames } from "./settings.ts";

const fixtures = join(import.meta.dirname, "../../../test/fixtures/import");
const golden = join(import.meta.dirname, "testdata");

const surroundings = {
  settings: new Map<string, string>(),
  home: "/home/ann",
  defaultState: "/home/ann/.local/state/holdfast",
  platform: "linux",
} as const;

function importText(file: string, text: string, more: Partial<ImportRequest> = {}): ImportResult {
  return importConfig({ file, text, ...surroundings, ...more });
}

function importFixture(name: string, more: Partial<ImportRequest> = {}): ImportResult {
  return importText(name, readFileSync(join(fixtures, name), "utf8"), more);
}

function told({ verdict, key, line, column, to, message }: Finding): string {
  const target = to === undefined ? "" : ` -> ${to}`;
  return `${line}:${column} ${verdict} ${key}${target}${message === undefined ? "" : `: ${message}`}`;
}

function verdictOf({ findings }: ImportResult, key: string): string | undefined {
  return findings.findLast((finding) => finding.key === key)?.verdict;
}

function matches(t: TestContext, text: string, file: string): void {
  t.assert.fileSnapshot(text, join(golden, file), { serializers: [String] });
}

function refusal(file: string, text: string, more: Partial<ImportRequest> = {}): HoldfastError {
  try {
    importText(file, text, more);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  return assert.fail("was taken");
}

const dsn = "postgresql://nextcloud:canary-dsn@db.example.org:5433/nextcloud";

const namedJob = (name: string, password: string) => ({
  jobname: name,
  sources: ["/etc"],
  destination: `/srv/${name}`,
  password,
  backup_interval: "0 3 * * *",
  retention: {},
});

const documented: readonly (readonly [
  name: string,
  tool: string,
  more?: Partial<ImportRequest>,
])[] = [
  ["nextcloud-backup-script.toml", "nextcloud-backup-script"],
  ["nextcloud-backup-script-first.toml", "nextcloud-backup-script"],
  [
    "nextcloud-s3-backup.yaml",
    "nextcloud-s3-backup",
    {
      settings: new Map([
        ["pg-dsn", dsn],
        ["s3-max-bandwidth", "10"],
        ["pg-schema", "cloud"],
      ]),
    },
  ],
  ["simplebackup.json", "simplebackup"],
  ["btrfs-snapshot-backup.toml", "btrfs-snapshot-backup"],
  ["nbkp-first.yaml", "nbkp"],
  ["nbkp.yaml", "nbkp"],
  ["autorestic.yaml", "autorestic"],
  ["resticprofile.toml", "resticprofile"],
  ["btrbk.conf", "btrbk"],
  ["rsnapshot.conf", "rsnapshot"],
];

suite("a configuration of another tool", () => {
  for (const [name, tool, more] of documented) {
    test(`as in ${name} becomes one that loads, and every key of it is accounted for`, (t) => {
      const result = importFixture(name, more);

      assert.equal(result.tool, tool);
      matches(t, result.text, `${name}.imported.yaml`);
      matches(t, `${result.findings.map(told).join("\n")}\n`, `${name}.findings.txt`);
      const unknown = result.findings.filter(
        ({ message }) => message?.includes("is not a key") ?? false,
      );
      assert.deepEqual(
        unknown.map(({ key }) => key),
        name === "btrbk.conf" ? ["noauto"] : [],
      );
    });

    test(`as in ${name} shows no secret, wherever it is told of`, () => {
      const result = importFixture(name, more);

      const shown = [result.text, JSON.stringify(result.findings), JSON.stringify(result.secrets)];
      assert.doesNotMatch(shown.join("\n"), /canary/);
    });

    test(`as in ${name} is read the same way a second time`, () => {
      assert.equal(importFixture(name, more).text, importFixture(name, more).text);
    });
  }

  test("is reported key by key where it has keys that nobody knows, at any depth", () => {
    const text = readFileSync(join(fixtures, "btrfs-snapshot-backup.toml"), "utf8");
    const result = importText(
      "x.toml",
      `${text}color = "red"\n[global.deep]\nkey = 1\n[[unknown.list]]\nx = [1, 2]\n`,
    );

    for (const key of ["backup_pairs[1].color", "global.deep.key", "unknown.list[0].x"]) {
      assert.equal(verdictOf(result, key), "unmapped", key);
    }
    assert.deepEqual(
      result.findings
        .filter(({ key }) => key === "global.deep.key")
        .map(({ line, column }) => [line, column]),
      [[26, 1]],
    );
  });

  test("with one job that holds something unusual goes on with what is left", () => {
    const jobs = [1, 2].map((number) => ({
      jobname: "same",
      sources: [`/home/${number}`],
      destination: "/srv/restic/",
      password: "canary",
      backup_interval: "0 3 * * *",
      exclude_patterns: ["*.tmp", `only-${number}`],
      retention: { days: number },
    }));

    const result = importText("backup_config.json", JSON.stringify({ backupjobs: jobs }));

    // Two jobs in one repository would forget each other's snapshots.
    assert.match(result.text, /sources: \[\/home\/1, \/home\/2\]/);
    assert.match(result.text, /exclude: \["\*\.tmp"\]/);
    assert.match(result.text, /daily: 2/);
    assert.equal(verdictOf(result, "backupjobs[1]"), "changed");
  });

  test("puts equal secrets into one file, and different ones into two", () => {
    const backupjobs = [namedJob("a b", "one"), namedJob("a-b", "two"), namedJob("c", "one")];

    const { secrets } = importText("c.json", JSON.stringify({ backupjobs }), { secretsDir: "/s/" });

    assert.deepEqual(
      secrets.map(({ path, secret }) => [path, secret.reveal()]),
      [
        ["/s/a-b-password", "one"],
        ["/s/a-b-password-2", "two"],
        ["/s/c-password", "one"],
      ],
    );
  });
});

function readBtrbk(...lines: readonly string[]): ImportResult {
  return importText("btrbk.conf", lines.join("\n"));
}

suite("a configuration of btrbk", () => {
  test("without a folder for snapshots gets one that is not the subvolume itself", () => {
    const { text } = readBtrbk("snapshot_preserve_min all", "volume /mnt/pool", "subvolume home");

    assert.match(text, /at: \/mnt\/pool\/btrbk_snapshots\/home$/m);
  });

  test("without a volume names its folder from the root", () => {
    const { text } = readBtrbk("snapshot_dir /mnt/pool/old", "subvolume /mnt/pool/home");

    assert.match(text, /at: \/mnt\/pool\/old\/home$/m);
  });

  test("is told what stands for several subvolumes, or for one of another machine", () => {
    const { text, findings } = readBtrbk(
      "snapshot_dir old",
      "volume /mnt/pool",
      "subvolume *",
      "subvolume home",
      "  snapshot_name people",
      "volume ssh://nas.example.org/mnt/pool",
      "subvolume far",
    );

    const lost = findings.filter(({ verdict }) => verdict === "unmapped");
    assert.deepEqual(
      lost.map(({ line }) => line),
      [3, 7],
    );
    assert.match(text, /at: \/mnt\/pool\/old\/people$/m);
    assert.doesNotMatch(text, /far|\*/);
  });

  test("with raw targets says that these are not driven", () => {
    const result = readBtrbk(
      "volume /mnt/pool",
      "snapshot_dir old",
      "target raw ssh://nas.example.org/srv/raw",
      "subvolume home",
    );

    assert.doesNotMatch(result.text, /copies|nas/);
    assert.equal(verdictOf(result, "target"), "unmapped");
  });
});

suite("a configuration of rsnapshot", () => {
  test("gives each folder a place of its own, and tells what is read in other ways", () => {
    const lines = [
      "snapshot_root\t/mnt/r/",
      "backup\t/home/a b/\tlocalhost/",
      "backup\t/home/a-b/\tlocalhost/",
      "backup\trsync://nas.example.org/share/\tnas/",
      "backup\tlvm://group/home/\thome/",
    ];

    const { text, findings } = importText("rsnapshot.conf", lines.join("\n"));

    const places = [...text.matchAll(/ at: (.*)/g)].map(([, place]) => place);
    assert.equal(new Set(places).size, 2);
    const lost = findings.filter(({ verdict }) => verdict === "unmapped");
    assert.deepEqual(
      lost.map(({ line }) => line),
      [4, 5],
    );
  });
});

test("every tool that can be read can be named on the command line", () => {
  assert.deepEqual(readerNames(), toolNames);
});

suite("a file that is broken", () => {
  const wrongTypes = `backupjobs:
  - jobname: [a]
    sources: {}
    destination: true
    password: 1
    backup_interval: 7
    retention: 3
`;
  const nested = `${"[".repeat(5000)}${"]".repeat(5000)}`;
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x, x]",
    ..."bcdefghi"
      .split("")
      .map(
        (name, index) =>
          `${name}: &${name} [${Array.from({ length: 10 }, () => `*${"abcdefgh"[index]}`).join(", ")}]`,
      ),
    "syncs: *i",
    "volumes: {}",
  ].join("\n");

  const cases: readonly (readonly [what: string, file: string, text: string, told: RegExp])[] = [
    [
      "has more keys than anybody writes",
      "a.yaml",
      "a: 1\n".repeat(30_000),
      /a\.yaml:1:1: the file has more than/,
    ],
    ["is empty", "a.yaml", "\n \n", /^a\.yaml:1:1: the file is empty/],
    ["is cut off in YAML", "a.yaml", "syncs:\n  a: {source: [x", /a\.yaml:2:/],
    ["is cut off in JSON", "a.json", '{"backupjobs": [{"jobname": "x', /a\.json:1:/],
    ["is cut off in TOML", "a.toml", '[general]\nmaintance_cmd = "x', /^a\.toml:2:\d+: /],
    [
      "has values of the wrong types",
      "a.yaml",
      wrongTypes,
      /a\.yaml:2:14: backupjobs\[0\]\.jobname: expected text[^]*a\.yaml:3:[^]*a\.yaml:4:[^]*a\.yaml:7:/,
    ],
    ["is a list", "a.yaml", "- a\n- b\n", /a\.yaml:1:1: expected a map/],
    ["is of nobody", "a.yaml", "a: 1\n", /a\.yaml:1:1: the file is of none of the tools/],
    [
      "is of nobody, in lines",
      "a.conf",
      "PermitRootLogin no\n",
      /a\.conf:1:1: the file is of none/,
    ],
    [
      "expands its aliases without end",
      "a.yaml",
      bomb,
      /a\.yaml:\d+:\d+: aliases expand to more than/,
    ],
    ["is nested without end in YAML", "a.yaml", `syncs: ${nested}`, /a\.yaml:\d+:\d+: /],
    ["is nested without end in TOML", "a.toml", `general = ${nested}`, /a\.toml:\d+:\d+: /],
    ["names a prototype in TOML", "a.toml", "[__proto__]\nx = 1\n", /a\.toml:\d+:\d+: /],
    ["redefines a table in TOML", "a.toml", "[a]\n[a]\n", /a\.toml:2:\d+: /],
    ["has the same key twice in YAML", "a.yaml", "syncs: {}\nsyncs: {}\n", /a\.yaml:2:1: /],
    [
      "refers to what is not there",
      "a.yaml",
      "volumes: {a: {path: /a}}\nsyncs: {x: {source: b, destination: c}}\n",
      /a\.yaml:2:\d+: syncs\.x\.source: there is no sync endpoint/,
    ],
    [
      "extends in a circle",
      "a.yaml",
      "ssh-endpoints: {a: {extends: b}, b: {extends: a}}\nvolumes: {v: {type: remote, ssh-endpoint: a, path: /v}}\nsyncs: {x: {source: {volume: v}, destination: {volume: v}}}\n",
      /in a circle/,
    ],
  ];
  for (const [what, file, text, expected] of cases) {
    test(`because it ${what} is refused, with the place`, () => {
      const error = refusal(file, text);

      assert.equal(error.code, "config-invalid");
      assert.match(error.message, expected);
    });
  }

  test("is refused without showing what may be a secret", () => {
    const toml = refusal("a.toml", '[encryption]\npassword = "canary\nenable = true\n');
    const yaml = refusal("a.json", '{"backupjobs": [{"password": "canary', {});

    assert.doesNotMatch(`${toml.message}${toml.hint}${yaml.message}${yaml.hint}`, /canary/);
  });

  test("is of the tool that was said, and no other", () => {
    const error = refusal("a.yaml", "a: 1\n", { from: "nbkp" });
    const unknown = refusal("a.yaml", "a: 1\n", { from: "nbpk" });

    assert.match(error.message, /a\.yaml:1:1: "?syncs"?: holds no sync|syncs/);
    assert.equal(unknown.code, "unknown-name");
    assert.match(unknown.message, /did you mean "nbkp"\?/);
  });

  test("with hundreds of syncs is read like any other", () => {
    const names = Array.from({ length: 240 }, (_, index) => `sync-${index}`);
    const syncs = names.map(
      (name) =>
        `  ${name}: { source: { volume: a, subdir: ${name} }, destination: { volume: b, subdir: ${name} } }`,
    );
    const text = ["volumes: { a: { path: /a }, b: { path: /b } }", "syncs:", ...syncs].join("\n");

    const { findings } = importText("a.yaml", text);

    assert.ok(findings.length > 900);
  });
});
