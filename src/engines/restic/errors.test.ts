import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { ErrorCode } from "../../kernel/errors.ts";
import { explainFailure, isReadOnly, Patience } from "./errors.ts";

/** What a restic really printed: see testdata/capture.sh. */
function captured(name: string): string {
  const path = join(import.meta.dirname, "testdata", name);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

const subject = { name: "documents", location: "/srv/backup", program: "restic" };

// The exit statuses are those of 0.14, where the words have to do; newer ones are tried below.
const cases: readonly (readonly [name: string, code: ErrorCode])[] = [
  ["missing", "repository-missing"],
  ["wrong-password", "password-wrong"],
  ["locked", "repository-locked"],
  ["exists", "repository-exists"],
  ["full", "repository-full"],
  ["damaged", "repository-damaged"],
  ["damaged-config", "repository-damaged"],
  ["damaged-index", "repository-damaged"],
  ["no-such-snapshot", "snapshot-missing"],
  ["unreachable-ssh", "host-unreachable"],
  ["unknown-flag", "tool-too-old"],
  ["unknown-level", "tool-too-old"],
  ["all-skipped", "command-failed"],
];

for (const version of ["0.14", "0.18", "0.19"]) {
  suite(`a failure of restic ${version} is told by its words`, () => {
    for (const [name, code] of cases) {
      test(`${name} is ${code}`, () => {
        const stderr = captured(`${name}-${version}.err`);

        const error = explainFailure({ exitStatus: 1, stderr }, subject);

        assert.notEqual(stderr, "");
        assert.equal(error.code, code, error.message);
        assert.doesNotMatch(error.message, /undefined|\n|\.$|Fatal:|message_type/);
        assert.equal(error.hint === undefined, code === "command-failed");
      });
    }
  });
}

test("exit statuses of newer versions are believed without words", () => {
  const codes = [10, 11, 12, 1, 137].map(
    (exitStatus) => explainFailure({ exitStatus, stderr: "" }, subject).code,
  );

  assert.deepEqual(codes, [
    "repository-missing",
    "repository-locked",
    "password-wrong",
    "command-failed",
    "command-failed",
  ]);
});

test("a locked repository says who holds it, and since when", () => {
  const error = explainFailure({ exitStatus: 11, stderr: captured("locked-0.19.err") }, subject);

  assert.match(
    error.message,
    /^repository "documents" is locked by another restic \(process \d+ of root on laptop, since 2026-/,
  );
});

test("a server that is off is no missing repository, though restic asks whether there is one", () => {
  for (const name of ["unreachable-0.14.err", "no-such-host-0.14.err"]) {
    const error = explainFailure({ exitStatus: 1, stderr: captured(name) }, subject);

    assert.equal(error.code, "host-unreachable", error.message);
  }
});

test("refused access is told from everything else", () => {
  const words = [
    "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized",
    "Fatal: unable to open config file: Stat: Access Denied.",
    "Fatal: unable to open config file: Stat: The access key ID you provided does not exist in our records.",
    "Fatal: unable to open config file: Stat: The request signature we calculated does not match the signature you provided.",
  ];

  for (const line of words) {
    const stderr = `${line}\nIs there a repository at the following location?\ns3:https://example.org/b`;
    const error = explainFailure({ exitStatus: 1, stderr }, subject);

    assert.equal(error.code, "command-failed");
    assert.match(error.message, /refuses access/);
    assert.match(error.hint ?? "", /environment/);
  }
});

test("a password that is a word of restic's does not hide what it says", () => {
  const words = ["Fatal: wrong *** or no key found", "Fatal: *** or no key found"];

  for (const stderr of words) {
    assert.equal(explainFailure({ exitStatus: 1, stderr }, subject).code, "password-wrong");
  }
});

test("a full quota is a full repository, wherever it is", () => {
  const words = [
    "write /srv/backup/data/1a: disk quota exceeded",
    "server response unexpected: 507 Insufficient Storage (507)",
    "client.PutObject: QuotaExceeded",
  ];

  for (const stderr of words) {
    assert.equal(explainFailure({ exitStatus: 1, stderr }, subject).code, "repository-full");
  }
});

test("an unknown failure keeps restic's last words", () => {
  const stderr = "Save(<data/1>) failed: EOF\nFatal: something new happened\n";

  const error = explainFailure({ exitStatus: 1, stderr }, subject);

  assert.equal(error.code, "command-failed");
  assert.equal(
    error.message,
    'restic failed with exit status 1 on repository "documents": something new happened',
  );
});

/** What patience makes of captured words, line by line. */
function hear(name: string): readonly (ErrorCode | undefined)[] {
  const patience = new Patience(subject);
  return captured(name)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => patience.hear(line)?.code);
}

suite("patience", () => {
  test("ends at the third attempt to open a repository on a server that is off", () => {
    for (const name of ["unreachable-0.18.err", "no-such-host-0.19.err"]) {
      assert.deepEqual(hear(name).slice(0, 3), [undefined, undefined, "host-unreachable"]);
    }
  });

  test("ends at once where nothing can get better", () => {
    for (const version of ["0.14", "0.18", "0.19"]) {
      assert.equal(hear(`read-only-${version}.err`)[0], "command-failed");
    }
    const patience = new Patience(subject);
    const refused = patience.hear(
      "Save(<data/cb23c76419>) returned error, retrying after 1.31013006s: server response unexpected: 507 Insufficient Storage (507)",
    );
    assert.equal(refused?.code, "repository-full");
  });

  test("lasts while data is on its way", () => {
    const patience = new Patience(subject);
    const line =
      "Save(<data/5da761042d>) returned error, retrying after 1m6.681614508s: dial tcp 192.0.2.1:443: connect: connection refused";

    const heard = Array.from({ length: 30 }, () => patience.hear(line));

    assert.deepEqual(new Set(heard), new Set([undefined]));
  });

  test("does not end at what restic takes to be final itself", () => {
    const heard = hear("forget-0.18.err");

    assert.deepEqual(new Set(heard), new Set([undefined]));
  });
});

test("a read-only file system is recognised again", () => {
  const stderr = "open /srv/backup/locks/1: read-only file system";

  assert.equal(isReadOnly(explainFailure({ exitStatus: 1, stderr }, subject)), true);
  assert.equal(isReadOnly(explainFailure({ exitStatus: 1, stderr: "" }, subject)), false);
});

test("the name of a file that could not be read means nothing", () => {
  const stderr = JSON.stringify({
    message_type: "error",
    error: { message: "open /home/x: permission denied" },
    during: "archival",
    item: "/home/repository is already locked",
  });

  assert.equal(explainFailure({ exitStatus: 1, stderr }, subject).code, "command-failed");
});
