// What would cost somebody snapshots, or call something done that is not: with real repositories.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { withoutTools } from "../../test/support/tools.ts";
import { Workplace } from "../../test/support/workplace.ts";
import { initJobs } from "./init.ts";

const options = { skip: withoutTools("restic"), concurrency: 2 };
const { signal } = new AbortController();

const disk = { engine: "restic", at: "FOLDER/disk", password: { file: "FOLDER/password" } };
const documents = { sources: ["FOLDER/data"], repository: "disk" };

/** Runs restic as another program on this machine would, and answers with what it says. */
function restic(place: Workplace, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("restic", ["--repo", place.at("disk"), ...args], {
    encoding: "utf8",
    env: {
      ...process.env,
      RESTIC_PASSWORD_FILE: place.at("password"),
      XDG_CACHE_HOME: place.at("cache"),
    },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

suite("forgetting alone", options, () => {
  test("leaves alone what another program made of some of the job's paths", async () => {
    await using place = await Workplace.open({
      volumes: { usb: { path: "FOLDER/usb" } },
      repositories: { disk },
      jobs: {
        documents: { ...documents, sources: ["FOLDER/data", "usb:pictures"], keep: { last: 1 } },
      },
    });
    await mkdir(place.at("usb/pictures"));
    await writeFile(place.at("usb/pictures/one"), "a photo");
    await initJobs(place.program, ["documents"], signal);
    for (let round = 0; round < 2; round += 1) restic(place, "backup", place.at("data"));

    const result = await place.runOne({ verbs: new Set(["forget"]) });

    assert.equal(result.outcome, "success", result.reason);
    assert.equal(JSON.parse(restic(place, "snapshots", "--json")).length, 2);
  });
});
