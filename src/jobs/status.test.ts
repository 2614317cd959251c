import assert from "node:assert/strict";
import { test } from "node:test";
import { aJob } from "../../test/support/fixtures.ts";
import { aProgram } from "../../test/support/program.ts";
import type { PlacedRepository } from "../config/config.ts";
import { openJournal } from "../journal/open.ts";
import { jobStatus } from "./status.ts";

const job = aJob();
const noon = new Date("2026-03-14T12:00:00Z");
const { signal } = new AbortController();

/** One job to one repository, which status must not ask. */
async function aJobOnDisk() {
  const disk: PlacedRepository = {
    name: "disk",
    place: { path: "/srv/disk" },
    spec: {
      engine: "restic",
      at: "/srv/disk",
      accepts: new Set(["paths"]),
      needs: [],
      onOtherHosts: false,
      readsOtherHosts: false,
      browsable: false,
      lacks: [],
      open: () => assert.fail("a repository was opened"),
    },
  };
  const config = { repositories: new Map([["disk", disk]]) };
  return await aProgram({ jobs: [job], now: noon, config });
}

test("a run whose process was killed is interrupted already before the next start", async () => {
  await using world = await aJobOnDisk();
  const { config } = world.program;
  using killed = openJournal(config.state, {
    processes: { self: () => ({ host: "here", pid: 1 }), isAlive: () => "dead" },
  });
  killed.startRun(job.name, "schedule");
  using journal = openJournal(config.state, {
    processes: { self: () => ({ host: "here", pid: 2 }), isAlive: () => "dead" },
  });

  const [status] = await jobStatus({ ...world.program, journal }, [job.name], signal);

  assert.equal(status?.outcome, "interrupted");
  assert.match(status.hint ?? "", /holdfast recover/);
});

test("a run that goes on is running", async () => {
  await using world = await aJobOnDisk();
  world.program.journal.startRun(job.name, "schedule");

  const [status] = await jobStatus(world.program, [job.name], signal);

  assert.equal(status?.outcome, "running");
});
