import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { anObservation } from "../../test/support/fixtures.ts";
import { parseConfig } from "../config/parse.ts";
import type { ObservedRepository } from "./observe.ts";
import { planJob } from "./plan.ts";
import { verbs, type Verb } from "./program.ts";

const folder = join(import.meta.dirname, "../../examples");

function listed(name: string, job: string): ObservedRepository {
  const identity = { name: job, paths: [] };
  return { name, state: "listed", series: [job], identity, snapshots: [], verified: new Map() };
}

suite("the examples", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml"))) {
    test(`${name} plans a backup of every job, and a copy to each further repository`, () => {
      const { jobs } = parseConfig({
        file: name,
        text: readFileSync(join(folder, name), "utf8"),
        readableByOthers: true,
        home: "/home/me",
        defaultState: "/home/me/.local/state/holdfast",
        platform: "linux",
      });

      for (const job of jobs.values()) {
        const observation = anObservation({
          job,
          repository: listed(job.repository, job.name),
          copies: job.copies.map((copy) => listed(copy, job.name)),
        });
        const rules = new Map([[job.repository, job.keep]]);
        const question = { verbs: new Set<Verb>(verbs), rules, checkEvery: new Map() };

        const { decision, steps } = planJob(observation, question);

        assert.equal(decision.action, "run", job.name);
        const done = steps.map(({ verb, repository }) => `${verb} ${repository}`);
        assert.ok(done.includes(`backup ${job.repository}`), job.name);
        for (const copy of job.copies) assert.ok(done.includes(`copy ${copy}`), job.name);
      }
    });
  }
});
