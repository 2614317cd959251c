import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as z from "zod";
import { Secret } from "./secret.ts";
import { SecretReference } from "./secret-reference.ts";

test("points at a secret in one of five ways", () => {
  const references = [
    { file: "~/.config/holdfast/restic.key" },
    { env: "RESTIC_PASSWORD" },
    { command: ["pass", "show", "backup"] },
    { keyring: "usb" },
    { credential: "restic" },
  ];

  assert.deepEqual(
    references.map((reference) => SecretReference.parse(reference)),
    references,
  );
});

test("takes plain text for the secret itself and hides it at once", () => {
  const reference = SecretReference.parse("violet-canary-7");

  assert.ok("text" in reference && reference.text instanceof Secret);
  assert.equal(reference.text.reveal(), "violet-canary-7");
  assert.doesNotMatch(inspect(reference, { depth: 9 }) + JSON.stringify(reference), /violet/);
});

test("refuses what points nowhere or in two ways, without repeating it", () => {
  const wrong = ["", { file: "" }, { command: [] }, { env: "A", file: "violet-canary-8" }, {}, 5];

  for (const input of wrong) {
    const { error } = SecretReference.safeParse(input);

    assert.ok(error, inspect(input));
    assert.doesNotMatch(z.prettifyError(error), /violet/);
  }
});

test("has a JSON Schema that editors can complete", () => {
  const schema = z.toJSONSchema(SecretReference, { io: "input" });

  assert.equal(schema.anyOf?.length, 6);
  assert.match(schema.description ?? "", /systemd/);
});
