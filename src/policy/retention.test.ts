import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as z from "zod";
import { setTimeZone } from "../../test/support/retention-arbitraries.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import { decideRetention, futureToleranceMs, Retention } from "./retention.ts";

const zoneBefore = process.env["TZ"];
before(() => {
  setTimeZone("Europe/Berlin");
});
after(() => {
  setTimeZone(zoneBefore);
});

const now = new Date("2026-11-20T12:00:00+01:00");

/** A snapshot whose id is its time, unless it is given another. */
function made(time: string, changes: Partial<Snapshot> = {}): Snapshot {
  const base = { id: time, kind: "snapshot", labels: [], series: "documents" } as const;
  return { ...base, time: new Date(`${time.replace(" ", "T")}:00+01:00`), ...changes };
}

/** Every snapshot with its reasons, in the order of the decision. */
function decide(
  snapshots: readonly Snapshot[],
  rules: z.input<typeof Retention>,
  pinned: Readonly<Record<string, string>> = {},
): readonly (readonly [id: string, ...reasons: string[]])[] {
  return decideRetention({
    snapshots,
    rules: Retention.parse(rules),
    now,
    pinned: new Map(Object.entries(pinned)),
  }).map(({ snapshot, keep }) => [snapshot.id, ...keep]);
}

const lastFourDays = [
  made("2026-11-17 02:00"),
  made("2026-11-18 02:00"),
  made("2026-11-18 14:00"),
  made("2026-11-19 02:00"),
  made("2026-11-20 02:00"),
  made("2026-11-20 08:00"),
];

suite("rules", () => {
  test("keeps the newest of each of the last days that have a snapshot", () => {
    assert.deepEqual(decide(lastFourDays, { daily: 3 }), [
      ["2026-11-20 08:00", "daily 1 of 3"],
      ["2026-11-20 02:00"],
      ["2026-11-19 02:00", "daily 2 of 3"],
      ["2026-11-18 14:00", "daily 3 of 3"],
      ["2026-11-18 02:00"],
      ["2026-11-17 02:00"],
    ]);
  });

  test("counts midnight to the day that it begins", () => {
    const day = [made("2026-11-19 23:59"), made("2026-11-20 00:00"), made("2026-11-20 02:00")];

    assert.deepEqual(decide(day, { daily: 2 }), [
      ["2026-11-20 02:00", "daily 1 of 2"],
      ["2026-11-20 00:00"],
      ["2026-11-19 23:59", "daily 2 of 2"],
    ]);
  });

  test("keeps the newest ones by number", () => {
    assert.deepEqual(decide(lastFourDays, { last: 2 }).slice(0, 3), [
      ["2026-11-20 08:00", "last 1 of 2"],
      ["2026-11-20 02:00", "last 2 of 2"],
      ["2026-11-19 02:00"],
    ]);
  });

  test("keeps the oldest as well while a rule has room, so that history reaches far back", () => {
    const sameMonth = [
      made("2026-11-02 02:00"),
      made("2026-11-09 02:00"),
      made("2026-11-16 02:00"),
    ];

    assert.deepEqual(decide(sameMonth, { monthly: 6 }), [
      ["2026-11-16 02:00", "monthly 1 of 6"],
      ["2026-11-09 02:00"],
      ["2026-11-02 02:00", "monthly 2 of 6 (oldest)"],
    ]);
  });

  test("unites the rules and names each that wants a snapshot", () => {
    assert.deepEqual(decide(lastFourDays, { last: 1, daily: 1, weekly: 2, yearly: 1 }), [
      ["2026-11-20 08:00", "last 1 of 1", "daily 1 of 1", "weekly 1 of 2", "yearly 1 of 1"],
      ["2026-11-20 02:00"],
      ["2026-11-19 02:00"],
      ["2026-11-18 14:00"],
      ["2026-11-18 02:00"],
      ["2026-11-17 02:00", "weekly 2 of 2 (oldest)"],
    ]);
  });

  test("keeps one of every period when a rule is unlimited", () => {
    const reasons = decide(lastFourDays, { daily: "unlimited" }).map(([, reason]) => reason);

    assert.deepEqual(reasons, ["daily 1", undefined, "daily 2", "daily 3", undefined, "daily 4"]);
  });

  test("counts a span back from the newest snapshot, however long ago that is", () => {
    const resting = [made("2024-05-01 12:00"), made("2024-05-03 12:00"), made("2024-05-04 12:00")];

    assert.deepEqual(decide(resting, { within: "2d" }), [
      ["2024-05-04 12:00", "within 2d"],
      ["2024-05-03 12:00", "within 2d"],
      ["2024-05-01 12:00"],
    ]);
  });

  test("leaves out the snapshot that is exactly a span old", () => {
    const twoDaysApart = [made("2026-11-18 08:00"), made("2026-11-20 08:00")];

    assert.deepEqual(decide(twoDaysApart, { within: "2d" })[1], ["2026-11-18 08:00"]);
  });

  test("keeps one of each period within a span", () => {
    assert.deepEqual(decide(lastFourDays, { "within-daily": "2d" }), [
      ["2026-11-20 08:00", "daily within 2d"],
      ["2026-11-20 02:00"],
      ["2026-11-19 02:00", "daily within 2d"],
      ["2026-11-18 14:00", "daily within 2d"],
      ["2026-11-18 02:00"],
      ["2026-11-17 02:00"],
    ]);
  });

  test("keeps every snapshot with one of the labels, whatever its age", () => {
    const labelled = made("2020-01-01 00:00", { labels: ["manual", "pre-upgrade"] });

    assert.deepEqual(
      decide([labelled, ...lastFourDays], { last: 1, labels: ["pre-upgrade", "x"] }).at(-1),
      ["2020-01-01 00:00", "label pre-upgrade"],
    );
  });

  test("takes the two passes of the hour that autumn repeats for one hour", () => {
    const first = made("first", { time: new Date("2026-10-25T02:30:00+02:00") });
    const second = made("second", { time: new Date("2026-10-25T02:30:00+01:00") });
    const earlier = made("earlier", { time: new Date("2026-10-25T01:30:00+02:00") });

    assert.deepEqual(decide([earlier, first, second], { hourly: 2 }), [
      ["second", "hourly 1 of 2"],
      ["first"],
      ["earlier", "hourly 2 of 2"],
    ]);
  });

  test("keeps everything without rules", () => {
    for (const rules of [{}, { labels: [] }]) {
      const reasons = new Set(decide(lastFourDays, rules).map(([, reason]) => reason));

      assert.deepEqual([...reasons], ["no rules: everything stays"]);
    }
  });

  test("keeps everything when there are no rules at all", () => {
    const decisions = decideRetention({ snapshots: lastFourDays, rules: undefined, now });

    assert.ok(decisions.every(({ keep }) => keep.length === 1));
  });

  test("has nothing to decide about nothing", () => {
    assert.deepEqual(decide([], { last: 1 }), []);
  });
});

suite("series", () => {
  test("decides about each series by itself", () => {
    const pictures = made("2019-01-01 00:00", { series: "pictures" });

    assert.deepEqual(decide([pictures, ...lastFourDays], { last: 1 }).at(-1), [
      "2019-01-01 00:00",
      "last 1 of 1",
    ]);
  });

  test("never drops the last snapshot of a series", () => {
    assert.deepEqual(decide(lastFourDays.slice(0, 2), { labels: ["nobody has this"] }), [
      ["2026-11-18 02:00", "nothing else of its series would be left"],
      ["2026-11-17 02:00"],
    ]);
  });

  test("keeps what something else made, and lets it stand for no period", () => {
    const { series: _, ...foreign } = made("2026-11-20 11:00");

    assert.deepEqual(decide([foreign, ...lastFourDays], { daily: 1 }).slice(0, 2), [
      ["2026-11-20 11:00", "not made by this job"],
      ["2026-11-20 08:00", "daily 1 of 1"],
    ]);
  });
});

suite("times", () => {
  const tooFar = made("future", { time: new Date(now.getTime() + futureToleranceMs + 1) });

  test("keeps a snapshot from the future, and lets it stand for no period", () => {
    assert.deepEqual(decide([tooFar, ...lastFourDays], { last: 1 }).slice(0, 2), [
      ["future", "its time is in the future"],
      ["2026-11-20 08:00", "last 1 of 1"],
    ]);
  });

  test("does not count a span back from a snapshot of the future", () => {
    const reasons = decide([tooFar, ...lastFourDays], { within: "1h" }).slice(1, 3);

    assert.deepEqual(reasons, [["2026-11-20 08:00", "within 1h"], ["2026-11-20 02:00"]]);
  });

  test("forgives a clock that is a few minutes ahead", () => {
    const ahead = made("ahead", { time: new Date(now.getTime() + futureToleranceMs) });

    assert.deepEqual(decide([ahead, ...lastFourDays], { last: 1 })[0], ["ahead", "last 1 of 1"]);
  });

  test("does not take a snapshot from the future for the last of its series", () => {
    const decisions = decide([tooFar, made("2026-11-20 08:00")], { labels: ["x"] });

    assert.deepEqual(decisions[1], [
      "2026-11-20 08:00",
      "nothing else of its series would be left",
    ]);
  });

  test("keeps a snapshot without a possible time, and puts it last", () => {
    const undated = made("undated", { time: new Date("no date") });

    assert.deepEqual(decide([undated, ...lastFourDays], { last: 1 }).at(-1), [
      "undated",
      "its time is unknown",
    ]);
  });

  test("keeps a snapshot of a clock that nobody has set, and does not take it for the oldest", () => {
    const unset = made("unset", { time: new Date("1970-01-01T00:03:00Z") });

    assert.deepEqual(decide([unset, ...lastFourDays], { yearly: 3 }).slice(-2), [
      ["2026-11-17 02:00", "yearly 2 of 3 (oldest)"],
      ["unset", "its time is too long ago to be true"],
    ]);
  });

  test("decides in the order of ids where times are equal", () => {
    const time = new Date("2026-11-20T08:00:00+01:00");
    const twins = ["b", "a", "c"].map((id) => made(id, { time }));

    assert.deepEqual(decide(twins, { last: 1 }), [["a", "last 1 of 1"], ["b"], ["c"]]);
    assert.deepEqual(decide(twins.toReversed(), { last: 1 }), decide(twins, { last: 1 }));
  });

  test("keeps its order with times that only a broken clock makes", () => {
    const years = ["-010000", "0001", "1969", "1970", "2242", "2300"].map((year) =>
      made(year, { time: new Date(`${year}-01-01T00:00:00Z`) }),
    );

    const order = decide(years, { last: 1 }).map(([id]) => id);

    assert.deepEqual(order, ["2300", "2242", "1970", "1969", "0001", "-010000"]);
  });
});

suite("bases", () => {
  const full = made("full", { kind: "full", time: new Date("2026-11-01T02:00:00Z") });
  const middle = made("middle", {
    kind: "differential",
    base: "full",
    time: new Date("2026-11-10T02:00:00Z"),
  });
  const newest = made("newest", {
    kind: "differential",
    base: "middle",
    time: new Date("2026-11-20T02:00:00Z"),
  });

  test("keeps the bases that a kept snapshot needs, down to the full one", () => {
    assert.deepEqual(decide([full, middle, newest], { last: 1 }), [
      ["newest", "last 1 of 1"],
      ["middle", "newest needs it"],
      ["full", "middle needs it"],
    ]);
  });

  test("names the newest of those that need a base, and no other", () => {
    const alsoOnFull = { ...newest, base: "full" };

    assert.deepEqual(decide([full, middle, alsoOnFull], { last: 2 }).at(-1), [
      "full",
      "newest needs it",
    ]);
  });

  test("drops a base that only dropped snapshots need", () => {
    const alone = made("alone", { time: new Date("2026-11-20T03:00:00Z") });

    assert.deepEqual(decide([full, middle, alone], { last: 1 }), [
      ["alone", "last 1 of 1"],
      ["middle"],
      ["full"],
    ]);
  });

  test("keeps a base that claims to be younger than what needs it", () => {
    const late = made("full", { kind: "full", time: new Date("2026-11-20T02:30:00Z") });
    const other = made("other", { time: new Date("2026-11-20T02:45:00Z") });
    const labelled = { ...middle, labels: ["x"] };

    assert.deepEqual(decide([late, labelled, other], { last: 1, labels: ["x"] }), [
      ["other", "last 1 of 1"],
      ["full", "middle needs it"],
      ["middle", "label x"],
    ]);
  });

  test("keeps a base of another series", () => {
    const elsewhere = { ...full, series: "before the job was renamed" };
    const newer = made("2026-11-02 02:00", { series: "before the job was renamed" });

    const decisions = decide([elsewhere, newer, { ...middle, base: "full" }], { last: 1 });

    assert.deepEqual(decisions.at(-1), ["full", "middle needs it"]);
  });

  test("keeps what cannot be restored for want of its base, and lets it stand for no period", () => {
    const decisions = decide([middle, newest, made("2026-11-05 02:00")], { last: 1 });

    assert.deepEqual(decisions, [
      ["newest", "its base full is missing"],
      ["middle", "its base full is missing", "newest needs it"],
      ["2026-11-05 02:00", "last 1 of 1"],
    ]);
  });

  test("ends with bases that run in a circle", () => {
    const circle = [
      { ...middle, base: "newest" },
      { ...newest, base: "middle" },
    ];

    const decisions = decide([...circle, made("2026-11-05 02:00")], { last: 1 });

    assert.ok(decisions.every(([, ...reasons]) => reasons.length > 0));
  });
});

suite("pinned", () => {
  test("keeps what the caller pins, with the caller's reason first", () => {
    const pinned = { "2026-11-17 02:00": "newest verified", "2026-11-20 08:00": "newest verified" };

    const decisions = decide(lastFourDays, { last: 1 }, pinned);

    assert.deepEqual(decisions.at(-1), ["2026-11-17 02:00", "newest verified"]);
    assert.deepEqual(decisions[0], ["2026-11-20 08:00", "newest verified", "last 1 of 1"]);
  });

  test("does not mind a pin for a snapshot that is gone", () => {
    assert.deepEqual(decide([made("2026-11-20 08:00")], { last: 1 }, { gone: "newest verified" }), [
      ["2026-11-20 08:00", "last 1 of 1"],
    ]);
  });
});

suite("listings", () => {
  test("counts a snapshot that is listed twice once, and decides the same for both", () => {
    const twice = [...lastFourDays, made("2026-11-20 08:00")];

    assert.deepEqual(decide(twice, { last: 2 }).slice(0, 4), [
      ["2026-11-20 08:00", "last 1 of 2"],
      ["2026-11-20 08:00", "last 1 of 2"],
      ["2026-11-20 02:00", "last 2 of 2"],
      ["2026-11-19 02:00"],
    ]);
  });

  test("decides the same for two listings of one id that disagree about its time", () => {
    const torn = [made("2026-11-20 08:00"), made("torn"), made("torn")].map((snapshot, index) => ({
      ...snapshot,
      time: new Date(now.getTime() - index * 86_400_000),
    }));

    const decisions = decide(torn, { daily: 2 });

    assert.deepEqual(decisions, [
      ["2026-11-20 08:00", "daily 1 of 2"],
      ["torn", "daily 2 of 2"],
      ["torn", "daily 2 of 2"],
    ]);
  });
});

suite("listings and bases", () => {
  test("keeps what any listing of a kept snapshot needs", () => {
    const full = made("2026-11-01 02:00", { kind: "full" });
    const torn = made("torn", { time: new Date("2026-11-19T02:00:00Z") });
    const tornToo = { ...torn, time: new Date("2026-11-10T02:00:00Z"), base: full.id };
    const newest = made("2026-11-20 02:00");

    assert.deepEqual(decide([newest, torn, tornToo, full], { last: 2 }), [
      ["2026-11-20 02:00", "last 1 of 2"],
      ["torn", "last 2 of 2"],
      ["torn", "last 2 of 2"],
      ["2026-11-01 02:00", "torn needs it"],
    ]);
  });
});

function archive(id: string, day: number, base?: string): Snapshot {
  return {
    id,
    time: new Date(2026, 10, day, 3),
    kind: base === undefined ? "full" : "differential",
    labels: [],
    series: "archives",
    ...(base === undefined ? {} : { base }),
  };
}

suite("archives are counted by kind", () => {
  const chain = [
    archive("full-1", 1),
    archive("diff-2", 2, "full-1"),
    archive("diff-3", 3, "full-1"),
    archive("full-8", 8),
    archive("diff-9", 9, "full-8"),
    archive("full-15", 15),
  ];

  test("and what a kept differential needs stays", () => {
    assert.deepEqual(
      decide(chain, { full: 1, differential: 2 }).map(([, ...reasons]) => reasons),
      [
        ["full 1 of 1"],
        ["differential 1 of 2"],
        ["diff-9 needs it"],
        ["differential 2 of 2"],
        [],
        ["diff-3 needs it"],
      ],
    );
  });
});

suite("configuration", () => {
  const problems: readonly (readonly [input: unknown, message: RegExp])[] = [
    [{ last: 0 }, /expected a whole number from 1 on, or "unlimited"\s+→ at last/],
    [{ daily: 1.5 }, /expected a whole number from 1 on/],
    [{ daily: "7" }, /expected a whole number from 1 on/],
    [{ within: "soon" }, /"soon" is not a span of time: .*\s+→ at within/],
    [{ within: 14 }, /expected a span of time: write years, months, days and hours/],
    [{ dayly: 7 }, /Unrecognized key: "dayly"/],
    [{ labels: "pre-upgrade" }, /expected array/],
    [{ labels: [""] }, /labels\[0\]/],
    ["forever", /expected object/],
  ];

  for (const [input, message] of problems) {
    test(`refuses ${JSON.stringify(input)} and says why`, () => {
      const { error } = Retention.safeParse(input);

      assert.match(z.prettifyError(error ?? new z.ZodError([])), message);
    });
  }

  test("describes every key with an example for editors and the reference", () => {
    const { properties = {} } = z.toJSONSchema(Retention, { io: "input" });

    assert.equal(Object.keys(properties).length, 15);
    for (const [key, schema] of Object.entries(properties)) {
      assert.ok(typeof schema === "object" && schema.description, key);
    }
  });
});
