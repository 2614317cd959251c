import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { RepositorySpec } from "../engines/engine.ts";
import type { SourceKind } from "../kernel/prepared-source.ts";
import { contradictions } from "./checks.ts";
import type { Draft } from "./draft.ts";
import { placeAll } from "./placements.ts";

function open(): never {
  assert.fail("nothing is opened");
}

const plain = { onOtherHosts: false, readsOtherHosts: false, browsable: false, lacks: [] };

// Engines that do not exist yet, as data.
function repository(engine: string, at: string, accepts: readonly SourceKind[]): RepositorySpec {
  return { engine, at, accepts: new Set(accepts), needs: [], ...plain, open };
}

function problemsOf(draft: Partial<Draft>): readonly string[] {
  const whole: Draft = {
    state: undefined,
    concurrency: 1,
    hosts: new Map(),
    volumes: new Map(),
    repositories: new Map(),
    jobs: new Map(),
    notifiers: new Map(),
    ...draft,
  };
  const home = "/home/me";
  const placements = placeAll(whole, home);
  return contradictions({ draft: whole, placements, home, platform: "linux" }).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );
}

const source = { kind: "paths", label: "/home", at: "/home", open } as const;

suite("what the parts of a configuration must agree on", () => {
  test("a repository takes only the kinds of source that its engine can read", () => {
    const problems = problemsOf({
      repositories: new Map([["home", repository("btrfs", "/.snapshots", ["subvolume"])]]),
      jobs: new Map([["home", { sources: [source], repository: "home" }]]),
    });

    assert.deepEqual(problems, [
      'jobs.home.sources.0: a source of kind "paths" cannot be kept in a btrfs repository, which takes: subvolume',
    ]);
  });

  test("a copy has the engine of the repository it is a copy of", () => {
    const problems = problemsOf({
      repositories: new Map([
        ["first", repository("restic", "/srv/a", ["paths"])],
        ["second", repository("tar", "/srv/b", ["paths"])],
      ]),
      jobs: new Map([["home", { sources: [source], repository: "first", copies: ["second"] }]]),
    });

    assert.deepEqual(problems, [
      "jobs.home.copies.0: is a tar repository, and the job's own is a restic one: copies need the same engine",
    ]);
  });

  test("two jobs may not copy to one place either", () => {
    const problems = problemsOf({
      repositories: new Map([
        ["a", repository("restic", "/srv/a", ["paths"])],
        ["b", repository("restic", "/srv/b", ["paths"])],
        ["away", repository("restic", "sftp:nas:/srv", ["paths"])],
      ]),
      jobs: new Map([
        ["a", { sources: [source], repository: "a", copies: ["away"] }],
        ["b", { sources: [source], repository: "b", copies: ["away"] }],
      ]),
    });

    assert.deepEqual(problems, ['jobs.b.copies.0: job "a" already writes to the place of "away"']);
  });

  test("a job that is to start when its volumes are there has one", () => {
    const schedule = { kind: "available" } as const;
    const problems = problemsOf({
      volumes: new Map([["usb", { path: "/mnt/usb" }]]),
      repositories: new Map([
        ["here", repository("restic", "/srv/a", ["paths"])],
        ["there", repository("restic", "usb:a", ["paths"])],
      ]),
      jobs: new Map([
        ["never", { sources: [source], repository: "here", schedule }],
        ["often", { sources: [source], repository: "there", schedule }],
      ]),
    });

    assert.deepEqual(problems, [
      "jobs.never.schedule: none of its sources and repositories is on a volume, so there is nothing to wait for",
    ]);
  });

  test("what is not understood is not judged", () => {
    const problems = problemsOf({
      volumes: new Map([["usb", { path: undefined }]]),
      repositories: new Map([
        ["a", { at: "usb:a" }],
        ["b", { at: undefined }],
      ]),
      jobs: new Map([
        ["a", { sources: [undefined, source], repository: "a", copies: ["b"] }],
        ["c", {}],
      ]),
    });

    assert.deepEqual(problems, []);
  });
});
