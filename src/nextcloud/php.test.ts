import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { suite, test } from "node:test";
import { configText } from "../../test/support/nextcloud-config.ts";
import { isComputed, plainOf, readPhpConfig, UnreadablePhp } from "./php.ts";

const fixtures = resolve(import.meta.dirname, "../../test/fixtures/nextcloud/config");

/** Every configuration that was made without PHP working something out. */
const literal = readdirSync(fixtures).filter(
  (name) => !name.endsWith(".json") && name !== "computed" && name !== "several-files",
);

function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one: unknown) => (one === null ? undefined : one)));
}

suite("a config.php", () => {
  for (const name of literal) {
    test(`like ${name} says what Nextcloud read in it`, () => {
      const text = readFileSync(join(fixtures, name, "config.php"), "utf8");
      const expected: unknown = JSON.parse(
        readFileSync(join(fixtures, name, "expected.json"), "utf8"),
      );

      const read = { system: withoutNulls(plainOf(readPhpConfig(text))) };

      assert.partialDeepStrictEqual(expected, read);
      assert.partialDeepStrictEqual(read, withoutAbout(expected));
    });
  }

  test("that PHP works out is refused, and the line is named", () => {
    const text = readFileSync(join(fixtures, "computed/config.php"), "utf8");

    assert.throws(
      () => readPhpConfig(text),
      (error: unknown) => error instanceof UnreadablePhp && error.line === 2,
    );
  });
});

function withoutAbout(value: unknown): object {
  if (typeof value !== "object" || value === null || !("system" in value)) return {};
  return { system: value.system };
}

suite("a value", () => {
  for (const [php, expected] of [
    [String.raw`'it\'s \\ and \n'`, "it's \\ and \\n"],
    [String.raw`"tab\t dollar\$ quote\" \x41\101\u{20ac}"`, 'tab\t dollar$ quote" AA€'],
    ["0x1F", 31],
    ["0b101", 5],
    ["0o17", 15],
    ["017", 15],
    ["1_000", 1000],
    ["-1.5e3", -1500],
    [".5", 0.5],
    ["2 + 3 * 4 - 1", 13],
    ["'a' . 'b'", "ab"],
    ["(60 * 60)", 3600],
    ["!false", true],
    ["NULL", null],
    ["\\true", true],
    ["array()", []],
    ["[1, 2,]", [1, 2]],
    ["[3 => 'a', 'b']", { 3: "a", 4: "b" }],
    ["['a' => [1, ['b' => null]]]", { a: [1, { b: null }] }],
    ["'x' /* => 'y' */ // ];", "x"],
  ] as const) {
    test(`written ${php} is read`, () => {
      const config = readPhpConfig(`<?php\n$CONFIG = ['key' => ${php}\n];`);

      assert.deepEqual(plainOf(config), { key: expected });
    });
  }

  for (const php of [
    "getenv('HOME')",
    "getenv('A') ?: 'b'",
    '"a $b"',
    '"a {$b}"',
    "__DIR__ . '/data'",
    "[PDO::ATTR_TIMEOUT => 5]",
    "$x",
    "'1' + 1",
    String.raw`"\xc3\xbc"`,
    "fn($a) => [$a, ')']",
  ]) {
    test(`written ${php} is left to PHP, and what follows is read`, () => {
      const config = readPhpConfig(`<?php\n$CONFIG = ['key' => ${php}, 'next' => 1];`);

      assert.ok(isComputed(config.get("key") ?? null));
      assert.equal(config.get("next"), 1);
    });
  }
});

suite("statements", () => {
  test("after the first change single keys", () => {
    const text = `<?php
      $CONFIG = ['a' => 1, 'list' => ['x']];
      $CONFIG['b'] = 'two';
      $CONFIG['list'][] = 'y';
      $CONFIG['deep']['er'] = true;
      ?>
      `;

    assert.deepEqual(plainOf(readPhpConfig(text)), {
      a: 1,
      list: ["x", "y"],
      b: "two",
      deep: { er: true },
    });
  });

  for (const [what, text] of [
    ["an empty file", ""],
    ["a byte order mark", "\uFEFF<?php $CONFIG = [];"],
    ["a file cut off", "<?php $CONFIG = array('a' => 1, 'b"],
    ["a condition", "<?php if (getenv('A')) { $CONFIG = []; }"],
    ["a heredoc", "<?php $CONFIG = ['a' => <<<END\n'b' => 1,\nEND\n];"],
    ["brackets that do not match", "<?php $CONFIG = ['a' => f(1], 'b' => 2];"],
    ["a list that is worked out", "<?php $CONFIG = include 'other.php';"],
  ] as const) {
    test(`with ${what} are refused`, () => {
      assert.throws(() => readPhpConfig(text), UnreadablePhp);
    });
  }
});

/** A generator of numbers below 1 that gives the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const pieces = [
  "'",
  '"',
  "\\",
  "\n",
  "$a",
  "{$",
  "=> ",
  ");",
  "?>",
  "//",
  "#",
  "/*",
  "é",
  "😀",
  "a",
  "0",
];

function randomValue(random: () => number, depth: number): unknown {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const text = (): string => Array.from({ length: random() * 8 }, () => pick(pieces)).join("");
  const kind = pick(
    depth > 3 ? ["text", "number", "word"] : ["text", "number", "word", "list", "map"],
  );
  const length = Math.floor(random() * 4) + 1;
  if (kind === "text") return text();
  if (kind === "number") return Math.round(random() * 2e6 - 1e6) / (random() < 0.5 ? 1 : 100);
  if (kind === "word") return pick([true, false, null]);
  const values = Array.from({ length }, () => randomValue(random, depth + 1));
  if (kind === "list") return values;
  return Object.fromEntries(values.map((value, index) => [`k${index}${text()}`, value]));
}

test("whatever Nextcloud writes into a config.php is read back as it was", (t) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);

  for (let round = 0; round < 500; round += 1) {
    const config = { first: randomValue(random, 0), second: randomValue(random, 0) };

    assert.deepEqual(plainOf(readPhpConfig(configText(config))), config);
  }
});
