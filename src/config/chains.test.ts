import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JobKey, RepositorySpec } from "../engines/engine.ts";
import type { HostSpec } from "../hosts/hosts.ts";
import type { SourceSpec } from "../sources/source.ts";
import { contradictions, doubts } from "./checks.ts";
import type { Draft } from "./draft.ts";
import { placeAll } from "./placements.ts";

function open(): never {
  assert.fail("nothing is opened");
}

// Engines and hosts as data: what they can do is all that counts here.
function mirror(at: string, more: Partial<RepositorySpec> = {}): RepositorySpec {
  return {
    engine: "mirror",
    at,
    accepts: new Set(["paths", "subvolume"]),
    needs: [],
    onOtherHosts: true,
    readsOtherHosts: true,
    browsable: true,
    lacks: [],
    ...(at.startsWith("/") ? { localPath: at } : {}),
    open,
    ...more,
  };
}

function store(at: string): RepositorySpec {
  const can = { onOtherHosts: false, readsOtherHosts: false, browsable: false };
  return mirror(at, { engine: "store", accepts: new Set(["paths"]), ...can });
}

function host(...jumps: readonly string[]): HostSpec {
  return { locations: [], jumps, open };
}

function reads(name: string): SourceSpec {
  return { kind: "paths", label: `repository ${name}`, at: name, repository: true, open };
}

function paths(at: string): SourceSpec {
  return { kind: "paths", label: at, at, open };
}

const hosts = new Map([
  ["nas", host()],
  ["shed", host("nas")],
]);
const volumes = new Map([
  ["nas", { host: "nas", path: "/srv" }],
  ["shed", { host: "shed", path: "/srv" }],
  ["usb", { path: "/mnt/usb" }],
  ["drive", {}],
]);

interface Parts {
  readonly hosts?: ReadonlyMap<string, HostSpec>;
  readonly volumes?: Draft["volumes"];
  readonly repositories?: Readonly<Record<string, RepositorySpec>>;
  readonly jobs?: Readonly<Record<string, Draft["jobs"] extends Map<string, infer J> ? J : object>>;
}

function checked(parts: Parts) {
  const draft: Draft = {
    state: undefined,
    concurrency: 1,
    hosts: parts.hosts ?? hosts,
    volumes: parts.volumes ?? volumes,
    repositories: new Map(Object.entries(parts.repositories ?? {})),
    jobs: new Map(Object.entries(parts.jobs ?? {})),
    notifiers: new Map(),
  };
  const home = "/home/me";
  return { draft, placements: placeAll(draft, home), home, platform: "linux" } as const;
}

function problemsOf(parts: Parts): readonly string[] {
  return contradictions(checked(parts)).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

suite("hosts of a configuration", () => {
  test("must exist where a volume names one", () => {
    const problems = problemsOf({ volumes: new Map([["disk", { host: "nass", path: "/srv" }]]) });

    assert.deepEqual(problems, ['volumes.disk.host: there is no host "nass", did you mean "nas"?']);
  });

  test("are not reached through themselves", () => {
    const circle = new Map([
      ["a", host("b")],
      ["b", host("somewhere-in-ssh-config", "c")],
      ["c", host("a")],
    ]);

    const problems = problemsOf({ hosts: circle, volumes: new Map() });

    assert.deepEqual(problems, ["hosts.a: cannot be reached through itself: a → b → c → a"]);
  });
});

function between(betweenOtherHosts: boolean) {
  return {
    shed: mirror("shed:photos", { betweenOtherHosts }),
    nas: mirror("nas:again"),
    same: mirror("nas:backup"),
  };
}

suite("the machines of a job", () => {
  test("are those that its engine reaches", () => {
    const problems = problemsOf({
      repositories: { here: store("/srv/a"), there: store("nas:b") },
      jobs: {
        documents: { sources: [paths("nas:documents")], repository: "here" },
        photos: { sources: [paths("/photos")], repository: "there" },
      },
    });

    assert.deepEqual(problems, [
      'repositories.there.at: is on host "nas", and a store repository cannot be on a volume of another machine',
      'jobs.documents.sources.0: is on host "nas", and store reads what is on this machine only',
    ]);
  });

  test("are one for all its sources", () => {
    const problems = problemsOf({
      repositories: { here: mirror("/srv/a") },
      jobs: {
        all: { sources: [paths("nas:a"), paths("nas:b"), paths("/c")], repository: "here" },
      },
    });

    assert.deepEqual(problems, [
      'jobs.all.sources.2: is on this machine, and the first source is on host "nas"',
    ]);
  });

  test("are not two other machines, unless the engine carries data between them", () => {
    const jobs = {
      photos: { sources: [paths("nas:photos")], repository: "shed", copies: ["nas"] },
      music: { sources: [paths("nas:music")], repository: "same" },
    };

    const refused = problemsOf({ repositories: between(false), jobs });
    const taken = problemsOf({ repositories: between(true), jobs });

    assert.deepEqual(refused, [
      'jobs.photos.repository: is on host "shed", and what goes there is on host "nas": mirror cannot carry data from one other machine to a second one',
      'jobs.photos.copies.0: is on host "nas", and what goes there is on host "shed": mirror cannot carry data from one other machine to a second one',
    ]);
    assert.deepEqual(taken, []);
  });

  test("are one where a repository keeps only what is beside it, however far its copies are", () => {
    const beside = { besideSource: true, betweenOtherHosts: true };
    const problems = problemsOf({
      repositories: { nas: mirror("nas:a", beside), shed: mirror("shed:a", beside) },
      jobs: { home: { sources: [paths("/home")], repository: "nas", copies: ["shed"] } },
    });

    assert.deepEqual(problems, [
      'jobs.home.repository: is on host "nas", and the sources are on this machine: such a repository keeps only what is on its own machine',
    ]);
  });
});

suite("what an engine can do", () => {
  test("keys that it has no means for are refused where they are used", () => {
    const lacks: readonly JobKey[] = ["labels", "exclude", "one-file-system"];
    const problems = problemsOf({
      repositories: { a: mirror("/srv/a", { lacks }) },
      jobs: {
        home: {
          sources: [paths("/home")],
          repository: "a",
          labels: ["laptop"],
          exclude: [],
          "one-file-system": false,
        },
      },
    });

    assert.deepEqual(problems, ["jobs.home.labels: mirror has no means for this"]);
  });

  test("a subvolume is the only source of its job", () => {
    const subvolume: SourceSpec = { kind: "subvolume", label: "/home", at: "/home", open };

    const problems = problemsOf({
      repositories: { a: mirror("/srv/a") },
      jobs: { home: { sources: [subvolume, paths("/etc")], repository: "a" } },
    });

    assert.deepEqual(problems, [
      "jobs.home.sources.0: a subvolume must be the only source of its job",
    ]);
  });
});

suite("a job that reads another job's repository", () => {
  test("may read a copy as well as what the copy is of", () => {
    const problems = problemsOf({
      repositories: { relay: mirror("/srv/a"), copy: mirror("/srv/b"), end: mirror("usb:c") },
      jobs: {
        photos: { sources: [paths("/photos")], repository: "relay", copies: ["copy"] },
        archive: { sources: [reads("copy")], repository: "end" },
      },
    });

    assert.deepEqual(problems, []);
  });

  test("names one that exists, is written to, and keeps plain files", () => {
    const problems = problemsOf({
      repositories: { photos: mirror("/srv/a"), idle: mirror("/srv/b"), safe: store("/srv/c") },
      jobs: {
        photos: { sources: [paths("/photos")], repository: "safe" },
        archive: {
          sources: [reads("phots"), reads("idle"), reads("safe"), reads("photos")],
          repository: "photos",
        },
      },
    });

    assert.deepEqual(problems, [
      'jobs.archive.sources.0: there is no repository "phots", did you mean "photos"?',
      'jobs.archive.sources.1: no job writes to the repository "idle", so it has nothing new to read',
      "jobs.archive.sources.2: the snapshots of a store repository are no plain files: no job can read them",
      'jobs.archive.sources.3: job "archive" writes to the repository "photos" itself',
    ]);
  });

  test("is told of a circle with all that are in it", () => {
    const problems = problemsOf({
      repositories: { a: mirror("/srv/a"), b: mirror("/srv/b"), c: mirror("/srv/c") },
      jobs: {
        photos: { sources: [paths("/photos"), reads("c")], repository: "a" },
        relay: { sources: [reads("a")], repository: "b" },
        archive: { sources: [reads("b")], repository: "c" },
      },
    });

    assert.deepEqual(problems, [
      "jobs.photos.sources.1: the jobs read each other in a circle: photos → archive → relay → photos",
    ]);
  });
});

suite("places inside each other", () => {
  test("a repository inside another is refused, for a mirror would delete it", () => {
    const problems = problemsOf({
      repositories: {
        all: mirror("usb:"),
        photos: mirror("/mnt/usb/photos"),
        far: mirror("nas:a"),
        "far-below": mirror("nas:a/b"),
        beside: mirror("nas:ab"),
        "same-name": mirror("shed:a/b"),
        drive: mirror("drive:x"),
        "drive-below": mirror("drive:x/y"),
      },
    });

    assert.deepEqual(problems, [
      'repositories.photos.at: is inside the repository "all", whose tool may delete what it does not know',
      'repositories.far-below.at: is inside the repository "far", whose tool may delete what it does not know',
      'repositories.drive-below.at: is inside the repository "drive", whose tool may delete what it does not know',
    ]);
  });

  test("a source inside the job's own repository is refused, for a mirror would delete it", () => {
    const problems = problemsOf({
      repositories: { all: mirror("usb:"), other: mirror("/srv/a") },
      jobs: {
        photos: { sources: [paths("/mnt/usb/photos")], repository: "other", copies: ["all"] },
        music: { sources: [paths("usb:")], repository: "x" },
      },
    });

    assert.deepEqual(problems.slice(1), [
      'jobs.photos.sources.0: is inside the repository "all", to which the job itself writes',
    ]);
  });

  test("places of the same path on two machines have nothing to do with each other", () => {
    const parts = {
      repositories: { here: mirror("/srv/a"), nas: mirror("nas:a") },
      jobs: {
        one: { sources: [paths("/home")], repository: "here" },
        two: { sources: [paths("/")], repository: "nas" },
      },
    };

    assert.deepEqual(problemsOf(parts), []);
    assert.deepEqual(doubts(checked(parts)), []);
  });
});
