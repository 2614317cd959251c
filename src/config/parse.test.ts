import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import type { Config } from "./config.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { type ConfigText, parseConfig } from "./parse.ts";

function load(text: string, around: Partial<ConfigText> = {}): Config {
  return parseConfig({
    file: "/home/me/.config/holdfast/holdfast.yaml",
    text,
    readableByOthers: false,
    home: "/home/me",
    defaultState: "/home/me/.local/state/holdfast",
    platform: "linux",
    ...around,
  });
}

function messages({ warnings }: Config): readonly string[] {
  return warnings.map(({ message }) => message);
}

const smallest = `
repositories:
  documents: { engine: restic, at: /srv/restic, password: { file: /etc/restic.key } }
jobs:
  documents: { sources: [~/Documents], repository: documents }
`;

const everything = readFileSync(join(import.meta.dirname, "testdata/valid.yaml"), "utf8");

suite("a configuration", () => {
  test("names the environment variables that hold its secrets, each once", () => {
    const { secretVariables } = load(`
      repositories:
        documents:
          engine: restic
          at: /srv/restic
          password: { env: PASSWORD }
          environment: { A_TOKEN: { env: TOKEN }, PLAIN: text }
      notifiers:
        phone: { type: ntfy, topic: t, token: { env: TOKEN } }
      jobs:
        documents: { sources: [/home], repository: documents }
    `);

    assert.deepEqual(secretVariables, ["PASSWORD", "TOKEN"]);
  });

  test("has a default for everything that the smallest one does not say", () => {
    const { state, concurrency, volumes, notifiers, jobs, warnings } = load(smallest);

    assert.deepEqual(
      { state, concurrency, volumes: volumes.size, notifiers: notifiers.size, warnings },
      {
        state: "/home/me/.local/state/holdfast",
        concurrency: 4,
        volumes: 0,
        notifiers: 0,
        warnings: [],
      },
    );
    const { sources, ...job } = jobs.get("documents") ?? assert.fail("no job");
    assert.deepEqual(job, {
      name: "documents",
      reads: [],
      repository: "documents",
      copies: [],
      selection: {
        exclude: [],
        excludeFiles: [],
        excludeIfPresent: [],
        ignoreCase: false,
        oneFileSystem: false,
      },
      pruneEveryMs: 604_800_000,
      labels: [],
      hooks: { before: [], after: [], onFailure: [], timeoutMs: 3_600_000 },
      notify: [],
      retryMs: [60_000, 120_000, 300_000, 600_000, 1_200_000, 1_800_000, 3_600_000],
    });
    assert.deepEqual(
      sources.map(({ place, spec }) => [spec.kind, spec.label, place]),
      [["paths", "~/Documents", { path: "/home/me/Documents" }]],
    );
  });

  test("understands everything that can be said", () => {
    const { state, concurrency, jobs, repositories, notifiers, volumes } = load(everything);

    const { sources, ...job } = jobs.get("documents") ?? assert.fail("no job");
    assert.deepEqual([state, concurrency], ["/var/lib/holdfast", 2]);
    assert.deepEqual(
      [...volumes].map(([name, { path }]) => [name, path]),
      [
        ["usb", "/home/me/usb"],
        ["nas", "/mnt/nas"],
      ],
    );
    assert.deepEqual(
      [...repositories.values()].map(({ name, place }) => [name, place]),
      [
        ["documents", { volume: "usb", path: "restic" }],
        ["offsite", { path: "s3:https://s3.example.org/bucket" }],
        ["photos", { path: "/srv/backup/photos" }],
      ],
    );
    assert.deepEqual(
      sources.map(({ place }) => place),
      [{ path: "/home/me/Documents" }, { volume: "nas", path: "papers" }],
    );
    assert.deepEqual(
      [...notifiers].map(([name, { type, on }]) => [name, type, on.size]),
      [
        ["phone", "ntfy", 2],
        ["mail", "email", 6],
      ],
    );
    assert.deepEqual(job, {
      name: "documents",
      reads: [],
      repository: "documents",
      copies: ["offsite"],
      selection: {
        exclude: ["**/node_modules", "/home/me/Documents/tmp"],
        excludeFiles: ["/home/me/.config/holdfast/excludes"],
        excludeIfPresent: [".nobackup"],
        excludeLargerThanBytes: 1_610_612_736,
        ignoreCase: true,
        oneFileSystem: true,
      },
      schedule: { kind: "cron", cron: "0 2 * * *", timezone: "Europe/Berlin" },
      keep: { hourly: 24, daily: 7 },
      pruneEveryMs: 129_600_000,
      labels: ["laptop"],
      hooks: {
        before: [["systemctl", "stop", "app"]],
        after: [["systemctl", "start", "app"]],
        onFailure: [["logger", "failed"]],
        timeoutMs: 600_000,
      },
      notify: ["phone", "mail"],
      retryMs: [60_000, 300_000],
      overdueAfterMs: 259_200_000,
      timeoutMs: 43_200_000,
    });
  });

  test("takes its schedule from a job that rests", () => {
    const { jobs } = load(`
      repositories:
        documents: { engine: restic, at: /srv/restic, password: { file: /etc/restic.key } }
      jobs:
        documents:
          sources: [~/Documents]
          repository: documents
          schedule: 0 2 * * *
          overdue-after: 3d
          enabled: false
    `);

    const { disabled, schedule, overdueAfterMs } = jobs.get("documents") ?? {};
    assert.deepEqual(
      { disabled, schedule, overdueAfterMs },
      { disabled: true, schedule: undefined, overdueAfterMs: undefined },
    );
  });

  test("cannot be changed", () => {
    const config = load(everything);

    const changes = [
      () => Reflect.set(config, "state", "/"),
      () => Reflect.set(config.jobs.get("documents")?.selection.exclude ?? [], 0, "x"),
      () => Reflect.set(config.repositories.get("photos")?.place ?? {}, "path", "/"),
    ].map((change) => change());
    assert.deepEqual(changes, [false, false, false]);
    for (const map of [config.jobs, config.repositories, config.volumes, config.notifiers]) {
      assert.throws(() => Reflect.get(map, "clear").call(map), /does not change/);
    }
  });

  test("shows no secret, however it is printed", () => {
    const config = load(everything);

    const printed = inspect(config, { depth: 20, showHidden: true }) + JSON.stringify(config);
    assert.doesNotMatch(printed, /hunter2/);
  });

  test("takes a section of which everything is commented out for one that is absent", () => {
    const { volumes, notifiers } = load(`volumes:\n  # usb: x\nnotifiers:\n${smallest}`);

    assert.deepEqual([volumes.size, notifiers.size], [0, 0]);
  });

  test("may have names like those of JavaScript's own properties", () => {
    const text = smallest
      .replaceAll("documents:", "constructor:")
      .replace(": documents", ": constructor");

    const { jobs, repositories } = load(text);

    assert.deepEqual(
      [[...jobs.keys()], [...repositories.keys()]],
      [["constructor"], ["constructor"]],
    );
  });

  test("may be JSON", () => {
    const text = JSON.stringify({
      repositories: { a: { engine: "restic", at: "/srv/a", password: { env: "X" } } },
      jobs: { a: { sources: ["/home"], repository: "a" } },
    });

    assert.deepEqual([...load(text).jobs.keys()], ["a"]);
  });

  test("refuses single letters as volumes where they are drives", () => {
    const text = `volumes:\n  d: { path: /mnt/d }\n${smallest}`;

    assert.equal(load(text).volumes.size, 1);
    assert.throws(
      () => load(text, { platform: "win32" }),
      /volumes\.d: a single letter means a drive/,
    );
  });

  test("gives the hint apart when only one thing is wrong", () => {
    const text = smallest.replace("~/Documents", "Documents");

    assert.throws(
      () => load(text),
      (error) =>
        error instanceof HoldfastError &&
        error.code === "config-invalid" &&
        /^\/home\/me\/.*:5:26: jobs\.documents\.sources\[0\]: is a relative path/.test(
          error.message,
        ) &&
        error.hint === "write an absolute path, ~/PATH, or VOLUME:PATH",
    );
  });
});

/** The warnings about one job that backs a source up to a repository. */
function own(source: string, at: string, exclude = "[]"): readonly string[] {
  return messages(
    load(`
volumes: { home: { path: /home/me } }
repositories: { own: { engine: restic, at: "${at}", password: { env: X } } }
jobs: { all: { sources: ["${source}"], repository: own, exclude: ${exclude} } }
`),
  );
}

suite("very many mistakes", () => {
  test("are counted, and the first hundred shown", () => {
    const wrong = Array.from({ length: 250 }, (_, index) => `wrong${index}: 1\n`).join("");

    assert.throws(
      () => load(wrong + smallest),
      (error) =>
        error instanceof HoldfastError &&
        error.message.startsWith("there are 250 problems") &&
        error.message.split("\n").length === 101 &&
        error.hint === "only the first 100 are shown",
    );
  });
});

suite("warnings of a configuration", () => {
  test("name what nothing uses", () => {
    const config = load(`
repositories:
  documents: { engine: restic, at: /srv/restic, password: { env: X } }
  copy: { engine: restic, at: /srv/copy, password: { env: X } }
  old: { engine: restic, at: /srv/old, password: { env: X } }
notifiers:
  phone: { type: ntfy, topic: backups }
jobs:
  documents: { sources: [/home], repository: documents, copies: [copy] }
`);

    assert.deepEqual(config.warnings, [
      { message: "repositories.old: no job backs up to it or copies to it", line: 5, column: 3 },
      {
        message: "notifiers.phone: no job tells it anything",
        hint: "add to a job: notify: [phone]",
        line: 7,
        column: 3,
      },
    ]);
  });

  for (const [source, at] of [
    ["/", "/srv/restic"],
    ["~", "~/backup"],
    ["~", "home:backup"],
    ["home:", "/home/me/backup"],
  ] as const) {
    test(`say that ${source} contains ${at}`, () => {
      assert.deepEqual(own(source, at), [
        'jobs.all.sources[0]: contains the repository "own" itself',
      ]);
    });
  }

  test("say nothing of a repository that is left out, elsewhere, or only sounds alike", () => {
    const found = [
      own("~", "~/backup", "[~/backup]"),
      own("~", "home:backup", "[/home/me/backup/**]"),
      own("~/Documents", "~/Documents-backup"),
      own("~", "s3:https://s3.example.org/home"),
    ];

    assert.deepEqual(found, [[], [], [], []]);
  });

  const exposed = `
repositories:
  a:
    engine: restic
    at: /srv/a
    password: hunter2-written-out
    environment: { AWS_SECRET_ACCESS_KEY: hunter2-too, RESTIC_COMPRESSION: max, B2_ACCOUNT_KEY: { env: K } }
  b: { engine: restic, at: /srv/b, password: { file: /etc/key } }
jobs: { a: { sources: [/home], repository: a, copies: [b] } }
`;

  test("name every secret that stands in a file that others can read", () => {
    const { warnings } = load(exposed, { readableByOthers: true });

    assert.deepEqual(
      warnings.map(({ message, line }) => [message.split(":")[0], line]),
      [
        ["repositories.a.password", 6],
        ["repositories.a.environment.AWS_SECRET_ACCESS_KEY", 7],
      ],
    );
    assert.match(warnings[0]?.hint ?? "", /^chmod 600 \/home\/me\/\.config/);
    assert.doesNotMatch(JSON.stringify(warnings), /hunter2/);
  });

  test("say nothing of secrets in a file that only its owner can read", () => {
    const { warnings } = load(exposed, { readableByOthers: false });

    assert.deepEqual(warnings, []);
  });
});
