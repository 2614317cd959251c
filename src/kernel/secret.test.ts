import assert from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { redact, Secret } from "./secret.ts";

test("gives its text to those who ask for it by name, and to nobody else", () => {
  const secret = new Secret("violet-canary-1");

  assert.equal(secret.reveal(), "violet-canary-1");
  assert.equal(String(secret), "***");
  assert.equal(JSON.stringify({ secret }), '{"secret":"***"}');
  const shown = [
    secret.toString(),
    format("%s %o %j", secret, secret, secret),
    inspect({ nested: { secret } }, { depth: 9, showHidden: true }),
    JSON.stringify(structuredClone({ secret })),
    Object.entries(secret).join(","),
  ];
  assert.doesNotMatch(shown.join(" "), /violet-canary/);
});

test("replaces every known secret in a text, wherever it stands", () => {
  const secret = new Secret("violet-canary-2");

  assert.equal(
    redact(`login ${secret.reveal()} failed (violet-canary-2violet-canary-2)`),
    "login *** failed (******)",
  );
});

test("finds a secret in the form it takes in a URL", () => {
  void new Secret("violet/canary 3?");

  assert.equal(redact("https://u:violet%2Fcanary%203%3F@host/"), "https://u:***@host/");
});

test("finds each line of a secret that has several", () => {
  void new Secret("violet-canary-4\r\nviolet-canary-5\n");

  assert.equal(redact("a violet-canary-5 b violet-canary-4"), "a *** b ***");
});

test("replaces the longer of two secrets first, so that no end of it is left", () => {
  void new Secret("violet-canary-6");
  void new Secret("violet-canary-6-and-more");

  assert.equal(redact("x violet-canary-6-and-more y violet-canary-6"), "x *** y ***");
});

test("leaves ordinary text alone, even when a secret is too short to be looked for", () => {
  void new Secret("ab");
  void new Secret("");

  assert.equal(redact("a cab is about"), "a cab is about");
});

test("hides a secret also where it stands escaped in JSON", () => {
  const secret = new Secret('quo"ted\\pass');

  const shown = redact(`{"message":${JSON.stringify(`wrong: ${secret.reveal()}`)}}`);

  assert.equal(shown, '{"message":"wrong: ***"}');
});
