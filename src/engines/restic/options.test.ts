import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { AnyRepository } from "../index.ts";
import { localPathOf, Options } from "./options.ts";

const least = { engine: "restic", at: "/srv/backup", password: { env: "RESTIC_PASSWORD" } };

/** What is wrong with these options, as `path: message`. */
function problems(changes: Readonly<Record<string, unknown>>): readonly string[] {
  const result = AnyRepository.safeParse({ ...least, ...changes });
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

/** The tools that these options need, and their oldest versions. */
function needs(changes: Readonly<Record<string, unknown>>) {
  return AnyRepository.parse({ ...least, ...changes }).needs.map(({ tool, minimum }) => [
    tool,
    minimum,
  ]);
}

test("the least that a repository needs is a place and a password", () => {
  const spec = AnyRepository.parse(least);

  assert.deepEqual(
    { engine: spec.engine, at: spec.at, localPath: spec.localPath, accepts: [...spec.accepts] },
    { engine: "restic", at: "/srv/backup", localPath: "/srv/backup", accepts: ["paths"] },
  );
  assert.deepEqual(
    spec.needs.map(({ tool, minimum }) => [tool, minimum]),
    [["restic", "0.14.0"]],
  );
  assert.deepEqual(problems({ password: undefined }), ["password: Invalid input"]);
});

test("what cannot work, or would run something else, is refused when loading", () => {
  const refused: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ at: "--repo" }, /at: a repository cannot begin with a dash/],
    [{ at: "sftp:-oProxyCommand=touch:/srv" }, /at: an ssh host cannot begin with a dash/],
    [{ at: "sftp:anna@-oProxyCommand=touch:/srv" }, /at: an ssh host cannot begin with a dash/],
    [{ at: "sftp://-oProxyCommand=touch/srv" }, /at: an ssh host cannot begin with a dash/],
    [{ at: "rclone:--password-command=touch" }, /at: a remote cannot begin with a dash/],
    [{ at: "backup" }, /at: expected an absolute path/],
    [{ at: "rest:https://anna:secret@example.org/" }, /RESTIC_REST_PASSWORD/],
    [{ tags: ["one,two"] }, /tags.0: a tag is text without commas/],
    [{ tags: ["holdfast:other"] }, /tags.0: tags beginning with "holdfast:"/],
    [{ host: "two words" }, /host: a host name has no spaces/],
    [{ limits: { upload: "10B" } }, /limits.upload: restic counts in KiB/],
    [{ limits: { up: "1M" } }, /limits: Unrecognized key: "up"/],
    [{ "pack-size": "1MiB" }, /pack-size: restic's pack files/],
    [{ environment: { "A B": "x" } }, /environment.A B: /],
    [{ environment: { RESTIC_PASSWORD_FILE: "x" } }, /environment.RESTIC_PASSWORD_FILE: /],
    [{ options: { "no dot": "x" } }, /options.no dot: /],
    [{ program: "--help" }, /program: a program cannot begin with a dash/],
    [{ "cache-dir": "cache" }, /cache-dir: expected an absolute path/],
    [{ compression: "maximal" }, /compression: /],
    [{ pasword: "x" }, /Unrecognized key: "pasword"/],
  ];

  for (const [changes, message] of refused) assert.match(problems(changes).join("; "), message);
});

test("a version that an option needs is asked for", () => {
  assert.deepEqual(needs({ "read-concurrency": 4 }), [["restic", "0.15.0"]]);
  assert.deepEqual(needs({ compression: "fastest" }), [["restic", "0.19.0"]]);
  assert.deepEqual(needs({ compression: "max" }), [["restic", "0.14.0"]]);
  assert.deepEqual(needs({ at: "sftp:nas:/srv" })[1], ["ssh", undefined]);
  assert.deepEqual(needs({ at: "rclone:drive:path" })[1], ["rclone", undefined]);
});

test("what looks like a secret is one, even where it is written out", () => {
  const { environment } = Options.parse({
    ...least,
    environment: {
      AWS_SECRET_ACCESS_KEY: "written-out",
      AWS_DEFAULT_REGION: "eu-central-1",
      B2_ACCOUNT_KEY: { file: "/etc/key" },
    },
  });

  assert.doesNotMatch(inspect(environment, { depth: 5 }), /written-out/);
  assert.deepEqual(environment["AWS_DEFAULT_REGION"], "eu-central-1");
  assert.deepEqual(environment["B2_ACCOUNT_KEY"], { file: "/etc/key" });
});

test("a folder is told from a service", () => {
  const local = [
    "/srv/backup",
    "local:/srv/backup",
    "~/backup",
    "usb:backup",
    "s3:host/bucket",
  ].map(localPathOf);

  assert.deepEqual(local, ["/srv/backup", "/srv/backup", "~/backup", undefined, undefined]);
});
