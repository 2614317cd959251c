// Twenty-four jobs on three machines: one connection to each, whatever is asked, and a dead machine is nobody else's affair.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { newFleet, type Fleet } from "../support/fleet.ts";
import { withoutMachines } from "../support/machines.ts";
import { putEverythingBack } from "../support/own-world.ts";
import { finishedRuns } from "../support/run-events.ts";
import { withoutTools } from "../support/tools.ts";
import { treeHash } from "../support/tree-hash.ts";

putEverythingBack();

const files = {
  letter: "Dear reader",
  "photos/one.jpg": "not a photo",
  "photos/two.jpg": "nor this",
};

/** How many connections each machine has had while something was done. */
async function connectionsDuring(
  { machines }: Fleet,
  doing: () => Promise<void>,
): Promise<readonly number[]> {
  const counts = async (): Promise<readonly number[]> =>
    await Promise.all(machines.all.map(async (machine) => (await machine.connections()).made));
  const before = await counts();
  await doing();
  return (await counts()).map((count, index) => count - (before[index] ?? 0));
}

async function assertMirrored({ jobs }: Fleet): Promise<void> {
  for (const { source, mirror } of jobs) {
    assert.equal(await treeHash(join(mirror, "latest/")), await treeHash(source), mirror);
  }
}

suite("24 jobs on 3 machines", { skip: withoutMachines() || withoutTools("rsync") }, () => {
  test("need one connection to each for whatever is asked, and all succeed", async () => {
    await using fleet = await newFleet(files);
    // As many shells say something about their language, or about themselves, before they do anything.
    for (const { home } of fleet.machines.all) {
      await writeFile(join(home, ".bashrc"), "echo 'cannot change locale: such a shell' >&2\n");
    }
    const calls = [
      ["init"],
      ["doctor"],
      ["run", "--dry-run"],
      ["run", "--json"],
      ["snapshots"],
      ["check"],
    ] as const;

    for (const words of calls) {
      const connections = await connectionsDuring(fleet, async () => {
        const { exitStatus, stdout, stderr } = await fleet.call(...words);
        assert.equal(exitStatus, 0, `${words.join(" ")}: ${stdout}${stderr}`);
      });

      assert.deepEqual(connections, [1, 1, 1], words.join(" "));
    }
    await assertMirrored(fleet);
    await fleet.machines.assertIdle();
  });

  for (const death of ["cut", "switchOff"] as const) {
    const how = death === "cut" ? "cannot be reached" : "lets nobody in";
    test(`are not disturbed by one that ${how}`, async () => {
      await using fleet = await newFleet(files);
      assert.equal((await fleet.call("init")).exitStatus, 0);
      await fleet.machines.get("cellar")[death]();

      const run = await fleet.call("run", "--json");

      const outcomes = new Map(finishedRuns(run).map(({ job, outcome }) => [job, outcome]));
      for (const { name, machine } of fleet.jobs) {
        const expected = machine === "cellar" ? "skipped" : "success";
        assert.equal(outcomes.get(name), expected, `${name}: ${run.stdout}${run.stderr}`);
      }
      assert.equal(run.exitStatus, 0, run.stderr);
    });
  }
});
