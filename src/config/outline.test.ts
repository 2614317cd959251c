import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import type { Config } from "./config.ts";
import { loadConfig } from "./load.ts";
import { configOfOutline, outlineOf } from "./outline.ts";
import { loadAndKeep, recallConfig } from "./outline-cache.ts";

const valid = `
volumes: { usb: { path: /mnt/usb } }
repositories:
  shoebox: { engine: restic, at: /srv/shoebox, password: { env: SHOEBOX } }
  disk: { engine: restic, at: "usb:restic", password: a plain password }
  attic: { engine: restic, at: /srv/attic, password: { env: ATTIC } }
jobs:
  documents:
    sources: ["usb:Documents", /etc]
    repository: disk
    copies: [attic]
    schedule: "0 2 * * *"
    overdue-after: 3d
    hooks: { before: [[echo, a secret of the hook]] }
  photos: { sources: [/srv/photos], repository: shoebox, enabled: false }
`;

/** A home with a configuration, older than a file system's clock is coarse. */
class Home implements AsyncDisposable {
  readonly path: string;
  readonly file: string;

  constructor(path: string) {
    this.path = path;
    this.file = join(path, "holdfast.yaml");
  }

  get origin() {
    return { file: this.file, env: {}, home: this.path, version: "1.0.0" };
  }

  async load(): Promise<Config> {
    return await loadAndKeep(this.origin, async () => await loadConfig(this.origin));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

async function newHome(content: string): Promise<Home> {
  const home = new Home(await mkdtemp(join(tmpdir(), "holdfast-outline-")));
  await writeFile(home.file, content, { mode: 0o600 });
  return home;
}

/** All of a configuration that its outline has, too. */
function promised({ file, state, concurrency, warnings, volumes, repositories, jobs }: Config) {
  return {
    file,
    state,
    concurrency,
    warnings,
    volumes: [...volumes].map(([name, { path, marker }]) => ({ name, path, marker })),
    repositories: [...repositories].map(([name, { place }]) => ({ name, place })),
    jobs: [...jobs.values()].map((job) => {
      const {
        name,
        disabled,
        reads,
        repository,
        copies,
        schedule,
        retryMs,
        overdueAfterMs,
        sources,
      } = job;
      const places = sources.map(({ place }) => place);
      return {
        name,
        disabled,
        reads,
        repository,
        copies,
        schedule,
        retryMs,
        overdueAfterMs,
        places,
      };
    }),
  };
}

suite("the outline of a configuration", () => {
  test("survives JSON with all that it promises", async () => {
    await using home = await newHome(valid);
    const config = await loadConfig(home.origin);

    const outline = configOfOutline(JSON.parse(JSON.stringify(outlineOf(config))));

    assert.deepEqual(promised(outline), promised(config));
  });

  test("holds no secret, not even one that stands in the file", async () => {
    await using home = await newHome(valid);

    const kept = JSON.stringify(outlineOf(await loadConfig(home.origin)));

    assert.doesNotMatch(kept, /plain password|secret of the hook|ATTIC/);
  });

  test("says so when it is asked for what is not in it", async () => {
    await using home = await newHome(valid);

    const outline = configOfOutline(outlineOf(await loadConfig(home.origin)));

    assert.throws(() => outline.notifiers, /is not in the outline/);
    assert.throws(() => outline.repositories.get("disk")?.spec, /is not in the outline/);
    const job = outline.jobs.get("documents");
    assert.throws(() => job?.hooks, /is not in the outline/);
    assert.throws(() => job?.sources[0]?.spec, /is not in the outline/);
  });
});

/** A file system sets the time of the last change itself, so it is the clock that is moved on. */
function later(t: TestContext): void {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 60_000 });
}

suite("a kept outline", () => {
  test("is recalled while nothing has changed, and for nothing else", async (t) => {
    await using home = await newHome(valid);
    later(t);
    assert.equal(recallConfig(home.origin), undefined, "nothing is kept yet");
    await home.load();

    assert.deepEqual([...(recallConfig(home.origin)?.jobs.keys() ?? [])], ["documents", "photos"]);
    const { origin } = home;
    assert.equal(recallConfig({ ...origin, version: "1.0.1" }), undefined);
    assert.equal(recallConfig({ ...origin, home: tmpdir() }), undefined);
    assert.equal(recallConfig({ ...origin, file: join(home.path, "other.yaml") }), undefined);
    assert.equal(recallConfig({ ...origin, env: { XDG_STATE_HOME: "/elsewhere" } }), undefined);
  });

  test("no longer holds once the file was written, even with the same length and time", async (t) => {
    await using home = await newHome(valid);
    later(t);
    await home.load();

    await writeFile(home.file, valid.replace("photos:", "music_:"));
    await utimes(home.file, new Date(0), new Date(0));

    assert.equal(recallConfig(home.origin), undefined);
  });

  test("no longer holds once others may read the file: there may be a warning now", async (t) => {
    await using home = await newHome(valid);
    later(t);
    await home.load();

    await chmod(home.file, 0o644);

    assert.equal(recallConfig(home.origin), undefined);
  });

  test("is not made of a file that was changed a moment ago", async () => {
    await using home = await newHome(valid);

    await home.load();

    assert.equal(recallConfig(home.origin), undefined);
  });

  test("is not believed when others could have written it", async (t) => {
    await using home = await newHome(valid);
    later(t);
    await home.load();
    const folder = join(home.path, ".cache/holdfast");
    const [name = ""] = await readdir(folder);

    await chmod(join(folder, name), 0o666);

    assert.equal(recallConfig(home.origin), undefined);
  });

  test("that is damaged is as none", async (t) => {
    await using home = await newHome(valid);
    later(t);
    await home.load();
    const folder = join(home.path, ".cache/holdfast");
    const [name = ""] = await readdir(folder);

    await writeFile(join(folder, name), '{"fingerprint":');

    assert.equal(recallConfig(home.origin), undefined);
  });
});
