import assert from "node:assert/strict";
import { mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { aJob } from "../../test/support/fixtures.ts";
import { aProgram } from "../../test/support/program.ts";
import type { Program } from "../jobs/program.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { fingerprint, newReloader, watchFile } from "./reload.ts";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-reload-"));
  file = join(directory, "holdfast.yaml");
  await writeFile(file, "version: 1\n");
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

suite("the fingerprint of a file", () => {
  test("stays while nobody touches the file", async () => {
    assert.equal(await fingerprint(file), await fingerprint(file));
  });

  test("changes with an edit of the same length", async () => {
    const before = await fingerprint(file);

    await writeFile(file, "version: 2\n");
    await utimes(file, new Date(), new Date("2026-03-14T12:00:00Z"));

    assert.notEqual(await fingerprint(file), before);
  });

  test("changes when another file takes its place, with the same length and time", async () => {
    const time = new Date("2026-03-14T12:00:00Z");
    await utimes(file, time, time);
    const before = await fingerprint(file);
    const other = join(directory, "new");
    await writeFile(other, "version: 2\n");
    await utimes(other, time, time);

    await rename(other, file);

    assert.notEqual(await fingerprint(file), before);
  });

  test("changes when a link leads elsewhere", async () => {
    const link = join(directory, "link");
    await symlink(file, link);
    const before = await fingerprint(link);
    const other = join(directory, "other");
    await writeFile(other, "version: 1\n");

    await rm(link);
    await symlink(other, link);

    assert.notEqual(await fingerprint(link), before);
  });

  test("of a file that is gone is one as well", async () => {
    await rm(file);

    assert.match(await fingerprint(file), /ENOENT/);
  });
});

suite("watching a file", () => {
  test("calls back once for an edit in several goes", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let calls = 0;
    using _ = watchFile(file, () => {
      calls += 1;
      resolve();
    });

    await writeFile(file, "");
    await writeFile(file, "version: 1\n");
    await promise;

    assert.equal(calls, 1);
  });

  test("calls back when another file takes its place", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = watchFile(file, resolve);
    const other = join(directory, "new");
    await writeFile(other, "version: 2\n");

    await rename(other, file);

    await promise;
  });

  test("of a folder that does not exist is no failure", () => {
    using _ = watchFile(join(directory, "nowhere", "holdfast.yaml"), () => {});
  });
});

/** A reloader whose next answer is set by the test, with what it has said. */
async function aReloader(program: Program, loads: () => Program) {
  const said: string[] = [];
  const reload = newReloader(
    {
      load: async () => loads(),
      say: (loudness, message) => said.push(`${loudness}: ${message}`),
    },
    await fingerprint(program.config.file),
  );
  return { reload, said };
}

suite("a configuration", () => {
  test("is loaded again only when its file has changed", async () => {
    await using world = await aProgram({ jobs: [], now: new Date(), config: { file } });
    const { config } = world.program;
    const renewed = { ...world.program, config: { ...config, jobs: new Map([["a", aJob()]]) } };
    const { reload, said } = await aReloader(world.program, () => renewed);
    assert.equal(await reload(world.program), world.program);

    await writeFile(file, "version: 1 # changed\n");

    assert.equal(await reload(world.program), renewed);
    assert.equal(await reload(renewed), renewed);
    assert.deepEqual(said, [`info: read ${file} again: 1 job`]);
  });

  test("that cannot be used is said once for each state of the file, and the old one stays", async () => {
    await using world = await aProgram({ jobs: [], now: new Date(), config: { file } });
    const { reload, said } = await aReloader(world.program, () => {
      throw new HoldfastError("config-invalid", "no such key", { hint: "write another" });
    });
    await writeFile(file, "broken");

    assert.equal(await reload(world.program), world.program);
    assert.equal(await reload(world.program), world.program);
    const words = "error: keeping the configuration as it was: no such key\nhint: write another";
    assert.deepEqual(said, [words]);

    await writeFile(file, "broken otherwise");
    await reload(world.program);
    assert.deepEqual(said, [words, words]);
  });

  test("whose loading meets a bug does not end the daemon", async () => {
    await using world = await aProgram({ jobs: [], now: new Date(), config: { file } });
    const { reload, said } = await aReloader(world.program, () => {
      throw new TypeError("what now");
    });
    await writeFile(file, "strange");

    assert.equal(await reload(world.program), world.program);
    assert.match(said[0] ?? "", /this is a bug: TypeError: what now\n\s+at /);
  });

  test("that moves the state says that this takes a new start", async () => {
    await using world = await aProgram({ jobs: [], now: new Date(), config: { file } });
    const { config } = world.program;
    const { reload, said } = await aReloader(world.program, () => ({
      ...world.program,
      config: { ...config, state: "/elsewhere" },
    }));
    await writeFile(file, "version: 1 # changed\n");

    await reload(world.program);

    assert.match(said.join("\n"), /^warning: `state` has changed: it counts from the next start/m);
  });
});
