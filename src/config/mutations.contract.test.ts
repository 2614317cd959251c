// What is taken for granted of the libraries that read YAML and apply schemas: no text makes loading a
// configuration fail with anything but an explanation. HOLDFAST_MUTATIONS says how many are tried,
// HOLDFAST_SEED repeats a run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { HoldfastError } from "../kernel/errors.ts";
import { parseConfig } from "./parse.ts";
import { readYaml } from "./yaml-text.ts";

const runs = Number(process.env["HOLDFAST_MUTATIONS"] ?? 1500);

const valid = readFileSync(join(import.meta.dirname, "testdata/valid.yaml"), "utf8");

/** Loads a text; what is wrong with it must be explained, never thrown as a bug. */
function loadOrExplain(text: string): void {
  try {
    parseConfig({
      file: "holdfast.yaml",
      text,
      readableByOthers: true,
      home: "/home/me",
      defaultState: "/var/lib/holdfast",
      platform: "linux",
    });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    assert.equal(error.code, "config-invalid");
    const [first = "", ...others] = error.message.split("\n");
    const lines = others.length === 0 ? [first] : others;
    for (const line of lines) assert.match(line, /^holdfast\.yaml:\d+:\d+: ./);
  }
}

// Signs that mean something in YAML, in places and in durations; words that mean something here.
const pieces = [
  ..."\t|\n| |:|-|[|]|{|}|,|#|&|*|!|>|'|\"|%|@|`|~|?|\\|/|.|\0|\r|\u0085|\u2028".split("|"),
  ..."|  |: |- |<<: |&a |*a|!!map |---\n|null|true|-1|1e400|../|usb:|engine: |restic".split("|"),
  "__proto__: ",
  "constructor",
  "toString: x",
];

interface Mutation {
  readonly at: number;
  readonly drop: number;
  readonly insert: string;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(valid.length),
  drop: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(80)),
  insert: fc.oneof(
    fc.constant(""),
    fc.constantFrom(...pieces),
    fc.string({ maxLength: 4, unit: "binary" }),
    // A stretch of the file itself, in another place.
    fc
      .tuple(fc.nat(valid.length), fc.nat(60))
      .map(([from, length]) => valid.slice(from, from + length)),
  ),
});

function mutate(text: string, { at, drop, insert }: Mutation): string {
  return text.slice(0, at) + insert + text.slice(at + drop);
}

/** The same data with one value, somewhere, replaced. */
function replaced(value: unknown, path: readonly number[], by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== "object" || value === null) return by;
  const entries = Object.entries(value);
  if (entries.length === 0) return by;
  const index = step % entries.length;
  const changed = entries.map(([key, member], position): [string, unknown] => [
    key,
    position === index ? replaced(member, rest, by) : member,
  ]);
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}

function seedFor(t: { diagnostic(message: string): void }): number {
  const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  return seed;
}

suite("a configuration that was changed at random", () => {
  test("loads, or is explained line by line, whatever was changed in its text", (t) => {
    const property = fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (changes) => {
      loadOrExplain(changes.reduce(mutate, valid));
    });

    fc.assert(property, { seed: seedFor(t), numRuns: runs });
  });

  test("loads, or is explained, whatever a value was replaced by", (t) => {
    const data = readYaml(valid).value;
    const path = fc.array(fc.nat(1000), { maxLength: 5 });
    const property = fc.property(path, fc.jsonValue(), (where, by) => {
      loadOrExplain(JSON.stringify(replaced(data, where, by)));
    });

    fc.assert(property, { seed: seedFor(t), numRuns: runs });
  });

  test("is explained when it is no configuration at all", (t) => {
    const property = fc.property(fc.string({ unit: "binary", maxLength: 200 }), loadOrExplain);

    fc.assert(property, { seed: seedFor(t), numRuns: runs });
  });
});
