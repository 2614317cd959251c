import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aJob, anObservation, aSnapshot, away, noon } from "../../test/support/fixtures.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { ObservedRepository } from "./observe.ts";
import { planJob, type Plan, type PlanQuestion } from "./plan.ts";
import { verbs, type Verb } from "./program.ts";

const everything: PlanQuestion = {
  verbs: new Set<Verb>(verbs),
  rules: new Map([["disk", { last: 2 }]]),
  checkEvery: new Map(),
};

function only(...wanted: readonly Verb[]): PlanQuestion {
  return { ...everything, verbs: new Set(wanted) };
}

function steps({ steps: all }: Plan): readonly string[] {
  return all.map(({ verb, repository, action }) => `${action} ${verb} ${repository}`);
}

function listed(ids: readonly string[], series = ["documents"]): ObservedRepository {
  const snapshots = ids.map((id, day) => aSnapshot(id, `2026-03-0${day + 1}T00:00:00Z`));
  return {
    name: "disk",
    state: "listed",
    series,
    identity: { name: "documents", paths: ["/home"] },
    snapshots,
    verified: new Map(),
  };
}

suite("the plan of a job", () => {
  test("backs up, forgets by the rules and reclaims the space", () => {
    const plan = planJob(anObservation(), everything);

    assert.deepEqual(plan.decision, { action: "run" });
    assert.deepEqual(steps(plan), ["do backup disk", "do forget disk", "do prune disk"]);
  });

  test("is skipped with the reason when the repository's volume is away", () => {
    const plan = planJob(anObservation({ repository: away("disk") }), everything);

    assert.deepEqual(plan.decision, {
      action: "skip",
      reason: 'volume "disk" is not there',
      hint: "plug it in",
      away: true,
    });
    assert.deepEqual(plan.steps, []);
  });

  test("is skipped when the job rests, whatever is away or missing", () => {
    const plan = planJob(
      anObservation({ job: aJob({ disabled: true }), repository: away("disk") }),
      everything,
    );

    assert.deepEqual(plan, {
      job: aJob({ disabled: true }),
      decision: {
        action: "skip",
        reason: "disabled",
        hint: "say `enabled: true` for job documents in the configuration",
        away: false,
      },
      steps: [],
    });
  });

  test("is skipped when the volume of a source is away", () => {
    const sources = [{ label: "usb:Pictures", state: "away", reason: "no usb" }] as const;

    const { decision } = planJob(anObservation({ sources }), everything);

    assert.deepEqual(decision, { action: "skip", reason: "no usb", away: true });
  });

  test("does what it can when only a copy is away", () => {
    const job = aJob({ copies: ["usb"] });

    const plan = planJob(anObservation({ job, copies: [away("usb")] }), everything);

    assert.deepEqual(plan.decision, { action: "run" });
    assert.deepEqual(steps(plan), [
      "do backup disk",
      "skip copy usb",
      "do forget disk",
      "do prune disk",
      "skip forget usb",
      "skip prune usb",
    ]);
  });

  test("fails when a source is missing, and says what to look at", () => {
    const found = { kind: "missing", reason: "/home/me does not exist" } as const;
    const sources = [{ label: "/home/me", state: "seen", found }] as const;

    const { decision } = planJob(anObservation({ sources }), everything);

    assert.equal(decision.action, "fail");
    assert.equal(decision.action === "fail" && decision.error.code, "source-missing");
    assert.match((decision.action === "fail" && decision.error.hint) || "", /mounted/);
  });

  test("fails when a source cannot be read", () => {
    const found = { kind: "unreadable", reason: "/root: permission denied" } as const;
    const sources = [{ label: "/root", state: "seen", found }] as const;

    const { decision } = planJob(anObservation({ sources }), everything);

    assert.equal(decision.action === "fail" && decision.error.code, "source-unreadable");
  });

  test("leaves a missing source to the before hooks, which may bring it", () => {
    const found = { kind: "missing", reason: "/mnt/db does not exist" } as const;
    const sources = [{ label: "/mnt/db", state: "seen", found }] as const;
    const hooks = {
      before: [["mount", "/mnt/db"]],
      after: [],
      onFailure: [],
      timeoutMs: 1,
    } as const;

    const { decision } = planJob(anObservation({ job: aJob({ hooks }), sources }), everything);

    assert.deepEqual(decision, { action: "run" });
  });

  test("does not look at sources when nothing is backed up", () => {
    const sources = [{ label: "usb:Pictures", state: "away", reason: "no usb" }] as const;

    const { decision } = planJob(anObservation({ sources }), only("forget"));

    assert.deepEqual(decision, { action: "run" });
  });

  test("fails with the repository's own error when it is missing or out of reach", () => {
    const error = new HoldfastError("repository-missing", "no repository at /srv");

    const plan = planJob(
      anObservation({ repository: { name: "disk", state: "missing", error } }),
      everything,
    );

    assert.deepEqual(plan.decision, { action: "fail", error });
  });
});

suite("forgetting in a plan", () => {
  test("is left out without rules, and with it the pruning", () => {
    const plan = planJob(anObservation(), { ...everything, rules: new Map() });

    assert.deepEqual(steps(plan), ["do backup disk", "skip forget disk", "skip prune disk"]);
    assert.match(plan.steps[1]?.reason ?? "", /nothing is ever forgotten/);
  });

  test("is frozen after a suspicious run, with the command that lifts it", () => {
    const plan = planJob(anObservation({ suspicious: ["/home is empty"] }), everything);

    assert.deepEqual(steps(plan), ["do backup disk", "skip forget disk", "skip prune disk"]);
    assert.match(plan.steps[1]?.reason ?? "", /\/home is empty/);
    assert.match(plan.steps[1]?.hint ?? "", /holdfast accept documents/);
  });

  test("is left out in a repository whose last check found damage", () => {
    const repository = { name: "disk", state: "unlisted", unhealthy: "pack 1 is bad" } as const;

    const plan = planJob(anObservation({ repository }), everything);

    assert.deepEqual(steps(plan), ["do backup disk", "skip forget disk", "skip prune disk"]);
    assert.match(plan.steps[1]?.reason ?? "", /pack 1 is bad/);
  });

  test("counts the snapshot that the run is about to make", () => {
    const repository = listed(["one", "two"]);

    const plan = planJob(anObservation({ repository }), everything);

    const decisions = plan.steps.find(({ verb }) => verb === "forget")?.decisions ?? [];
    assert.deepEqual(
      decisions.filter(({ keep }) => keep.length === 0).map(({ snapshot }) => snapshot.id),
      ["one"],
    );
    assert.equal(plan.steps.find(({ verb }) => verb === "forget")?.reason, "the rules drop 1");
  });

  test("alone counts only what is there", () => {
    const plan = planJob(anObservation({ repository: listed(["one", "two"]) }), only("forget"));

    assert.equal(plan.steps[0]?.reason, "the rules keep every snapshot");
  });

  test("ends in a skip when it was asked for alone and is frozen", () => {
    const { decision } = planJob(anObservation({ suspicious: ["odd"] }), only("forget"));

    assert.equal(decision.action, "skip");
    assert.equal(decision.action === "skip" && decision.away, false);
  });
});

suite("pruning and checking in a plan", () => {
  const facts = { seen: noon, count: 3, lastPrune: new Date("2026-03-14T02:00:00Z") };

  test("prunes no more often than asked for", () => {
    const job = aJob({ pruneEveryMs: 86_400_000 });
    const repository = { name: "disk", state: "unlisted", facts } as const;

    const plan = planJob(anObservation({ job, repository }), everything);

    assert.deepEqual(steps(plan), ["do backup disk", "do forget disk", "skip prune disk"]);
  });

  test("prunes without rules, and soon again, when that alone was asked for", () => {
    const job = aJob({ pruneEveryMs: 86_400_000 });
    const repository = { name: "disk", state: "unlisted", facts } as const;

    const plan = planJob(anObservation({ job, repository }), {
      ...only("prune"),
      rules: new Map(),
    });

    assert.deepEqual(steps(plan), ["do prune disk"]);
  });

  test("never prunes what is known to be damaged, also when that alone was asked for", () => {
    const repository = { name: "disk", state: "unlisted", unhealthy: "pack 4b is gone" } as const;

    const plan = planJob(anObservation({ repository }), only("prune"));

    assert.deepEqual(steps(plan), ["skip prune disk"]);
  });

  test("checks when the last check is too long ago, and not before", () => {
    const checkEvery = new Map([["disk", 7 * 86_400_000]]);
    const lastWeek = { ...facts, lastCheck: new Date("2026-03-01T00:00:00Z") };
    const today = { ...facts, lastCheck: new Date("2026-03-14T00:00:00Z") };
    const question = { ...only("check"), checkEvery };
    const observed = (some: typeof today) =>
      anObservation({ repository: { name: "disk", state: "unlisted", facts: some } });

    assert.deepEqual(steps(planJob(observed(lastWeek), question)), ["do check disk"]);
    assert.deepEqual(steps(planJob(observed(today), question)), ["skip check disk"]);
    assert.deepEqual(steps(planJob(anObservation(), question)), ["do check disk"]);
  });

  test("has nothing to copy without copies", () => {
    const { decision } = planJob(anObservation(), only("copy"));

    assert.deepEqual(decision, { action: "skip", reason: "nothing to do", away: false });
  });
});
