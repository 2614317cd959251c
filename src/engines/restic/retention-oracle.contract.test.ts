// Our retention against the tool that its rules come from: `restic forget --dry-run --json`.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import * as fc from "fast-check";
import * as z from "zod";
import {
  forgeRepository,
  forgeSnapshot,
  type ForgedRepository,
} from "../../../test/support/restic-forge.ts";
import { anyRules, setTimeZone } from "../../../test/support/retention-arbitraries.ts";
import { resticVersions, type ResticVersion } from "../../../test/support/restic-versions.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import { formatCalendarSpan, spanBefore } from "../../policy/calendar-span.ts";
import { type Decision, decideRetention, type Retention } from "../../policy/retention.ts";

const execute = promisify(execFile);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const historiesPerZone = 30;
const ruleSetsPerZone = 20;
const password = "guards nothing";

// Both hemispheres, half an hour of daylight saving time, a midnight that does not exist, no whole
// hours, and none of all that.
const zones = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Santiago",
  "Asia/Kathmandu",
  "UTC",
];

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

for (const [round, { version, program, skip }] of resticVersions.entries()) {
  suite(`retention decides as forget of restic ${version}`, { skip }, () => {
    const zoneBefore = process.env["TZ"];
    let directory = "";
    let repository: ForgedRepository;

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "holdfast-oracle-"));
      repository = await forgeRepository(program, join(directory, "repository"), password);
    });

    after(async () => {
      setTimeZone(zoneBefore);
      await rm(directory, { recursive: true, force: true });
    });

    for (const [index, zone] of zones.entries()) {
      test(`${zone}, seed ${seed}`, async (t) => {
        setTimeZone(zone);
        const histories = await Promise.all(
          sample(anyHistory(), historiesPerZone, seed + index + round).map((history, place) =>
            write(repository, history, `${zone} ${place}`),
          ),
        );

        let compared = 0;
        for (const rules of sample(comparableRules, ruleSetsPerZone, seed - index - round)) {
          const keptByRestic = await askRestic({ program, repository }, rules);
          for (const snapshots of histories) {
            if (startsInClockChange(snapshots, rules)) continue;
            const decisions = decideRetention({ snapshots, rules, now: new Date() }).filter(
              (decision) => isCommon(decision, version),
            );
            assert.deepEqual(
              describe(decisions.filter(({ keep }) => keep.length > 0)),
              describe(decisions.filter(({ snapshot }) => keptByRestic.has(snapshot.id))),
              `TZ=${zone} ${flagsFor(rules).join(" ")}\n${describe(decisions).join("\n")}`,
            );
            compared += 1;
          }
        }
        t.diagnostic(`${compared} decisions compared`);
        assert.ok(compared > (historiesPerZone * ruleSetsPerZone) / 2);
      });
    }
  });
}

/**
 * Whether this restic knows the reason too: that the oldest snapshot is kept while a rule has room
 * came step by step with 0.16 to 0.18 (https://github.com/restic/restic/pull/4366).
 */
function isCommon({ keep }: Decision, version: ResticVersion["version"]): boolean {
  const onlyAsOldest = keep.length > 0 && keep.every((reason) => reason.endsWith(" (oldest)"));
  return version !== "0.14" || !onlyAsOldest;
}

function sample<Value>(values: fc.Arbitrary<Value>, count: number, from: number): Value[] {
  return fc.sample(values, { numRuns: count, seed: from });
}

interface Made {
  readonly seconds: number;
  readonly labels: readonly string[];
}

/** Histories of all densities, many of them across a change of the clock. Times are distinct. */
function anyHistory(): fc.Arbitrary<readonly Made[]> {
  const latest = Math.floor(Date.now() / 1000) - day;
  const newest = fc.oneof(
    fc.integer({ min: latest - 15 * 365 * day, max: latest }),
    ...clockChanges(latest).map((change) => fc.integer({ min: change, max: change + 3 * day })),
  );
  const gap = fc.oneof(
    fc.integer({ min: 1, max: 50 * minute }),
    fc.constant(hour),
    fc.integer({ min: hour, max: 30 * hour }),
    fc.constant(day),
    fc.integer({ min: day, max: 100 * day }),
    fc.integer({ min: 100 * day, max: 500 * day }),
  );
  const made = fc.record({ gap, labels: fc.subarray(["a", "b", "c"], { maxLength: 2 }) });
  // A history keeps to few kinds of gaps, or it would always be years long.
  const dense = fc.record({
    gap: fc.integer({ min: 10 * minute, max: 3 * hour }),
    labels: fc.constant([]),
  });
  return fc
    .tuple(newest, fc.oneof(fc.array(made, { maxLength: 30 }), fc.array(dense, { maxLength: 80 })))
    .map(([start, steps]) => {
      const history: Made[] = [{ seconds: start, labels: [] }];
      let seconds = start;
      for (const step of steps) {
        seconds -= step.gap;
        history.push({ seconds, labels: step.labels });
      }
      return history;
    });
}

/** The changes of the local clock in the last years. */
function clockChanges(until: number): readonly number[] {
  const changes: number[] = [];
  for (let seconds = until - 3 * 365 * day; seconds < until - 3 * day; seconds += hour) {
    if (offsetAt(seconds) !== offsetAt(seconds + hour)) changes.push(seconds);
  }
  return changes;
}

function offsetAt(seconds: number): number {
  return new Date(seconds * 1000).getTimezoneOffset();
}

/** restic keeps everything without rules, and nothing for a label that no snapshot has. */
const comparableRules = anyRules.filter((rules) =>
  Object.keys(rules).some((rule) => rule !== "labels"),
);

async function write(
  repository: ForgedRepository,
  history: readonly Made[],
  hostname: string,
): Promise<readonly Snapshot[]> {
  return await Promise.all(
    history.map(async ({ seconds, labels }): Promise<Snapshot> => {
      const time = new Date(seconds * 1000);
      const stored = { time: withOffset(time), hostname, tags: labels };
      const id = await forgeSnapshot(repository, stored);
      return { id, time, kind: "snapshot", labels, series: hostname };
    }),
  );
}

/** As restic writes times: local, with the offset of that day. */
function withOffset(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${local}${minutes < 0 ? "-" : "+"}${twoDigits(hours)}:${twoDigits(rest)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

function describe(decisions: readonly Decision[]): readonly string[] {
  return decisions.map(({ snapshot }) => [withOffset(snapshot.time), ...snapshot.labels].join(" "));
}

const Groups = z.array(z.object({ keep: z.array(z.object({ id: z.string() })).nullable() }));

/** The ids that restic would keep. Each history is a host, and so a group of its own. */
async function askRestic(
  { program, repository }: { readonly program: string; readonly repository: ForgedRepository },
  rules: Retention,
) {
  const where = ["--repo", repository.path, "--no-lock", "--no-cache"];
  const { stdout } = await execute(
    program,
    ["forget", "--dry-run", "--json", ...where, "--group-by", "host", ...flagsFor(rules)],
    { env: { ...process.env, RESTIC_PASSWORD: password }, maxBuffer: 2 ** 30 },
  );
  const groups = Groups.parse(JSON.parse(stdout));
  return new Set(groups.flatMap(({ keep }) => keep ?? []).map(({ id }) => id));
}

function flagsFor({ labels = [], ...rules }: Retention): readonly string[] {
  const flags = Object.entries(rules).flatMap(([rule, value]) => {
    const text = typeof value === "object" ? formatCalendarSpan(value) : String(value);
    // "unlimited" is known from restic 0.16 on; more than there are comes to the same.
    return [`--keep-${rule}`, text === "unlimited" ? "100000" : text];
  });
  return [...flags, ...labels.flatMap((label) => ["--keep-tag", label])];
}

/**
 * Whether a span begins at a local time that does not exist or comes twice: Go and JavaScript
 * then choose differently, and both are right.
 */
function startsInClockChange([newest]: readonly Snapshot[], rules: Retention): boolean {
  if (newest === undefined) return true;
  return Object.values(rules).some((rule) => {
    if (typeof rule !== "object" || !("hours" in rule)) return false;
    const start = Math.floor(spanBefore(newest.time, { ...rule, hours: 0 }) / 1000);
    return offsetAt(start - 2 * hour) !== offsetAt(start + 2 * hour);
  });
}
