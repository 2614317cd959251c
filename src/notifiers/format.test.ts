import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { exampleNotification } from "../../test/support/notification.ts";
import { Secret } from "../kernel/secret.ts";
import {
  bodyOf,
  bytesOf,
  cleanLine,
  cleanText,
  colourOf,
  documentOf,
  encodeEntity,
  fit,
  severityOf,
  signature,
  signedBodyOf,
} from "./format.ts";
import { NotificationEvent } from "./notifier.ts";

test("leaves a text that fits as it is", () => {
  assert.equal(fit("four", { limit: 4 }), "four");
});

test("cuts a text that does not fit and shows that it did", () => {
  assert.equal(fit("a long story", { limit: 8 }), "a long…");
});

test("never cuts a character in half", () => {
  assert.equal(fit("💾💾💾", { limit: 4 }), "💾…");
});

test("counts bytes where a channel counts bytes", () => {
  assert.equal(fit("äöüß", { limit: 7, measure: bytesOf }), "äö…");
});

test("never cuts in half what a character was encoded as", () => {
  assert.equal(fit("a<b<c", { limit: 7, encode: encodeEntity }), "a&lt;b…");
});

test("keeps to any limit, whatever the text, in valid Unicode", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 3, max: 40 }), (text, limit) => {
      const units = fit(text.toWellFormed(), { limit, encode: encodeEntity });
      const bytes = fit(text.toWellFormed(), { limit, measure: bytesOf });

      assert.ok(units.length <= limit);
      assert.ok(bytesOf(bytes) <= limit);
      assert.ok(units.isWellFormed() && bytes.isWellFormed());
    }),
    { verbose: true },
  );
});

test("puts details after the message", () => {
  const notification = exampleNotification({ message: "It failed.", details: ["one", "two"] });

  assert.equal(bodyOf(notification, { limit: 100 }), "It failed.\n\none\ntwo");
});

test("drops the first details when there is no room for all: the end says why", () => {
  const details = Array.from({ length: 50 }, (_, index) => `line ${index + 1}`);
  const notification = exampleNotification({ message: "It failed.", details });

  assert.equal(bodyOf(notification, { limit: 36 }), "It failed.\n\n…\nline 49\nline 50");
});

test("keeps message, details and signature within any limit", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 500 }),
      fc.array(fc.string({ unit: "grapheme", maxLength: 100 })),
      fc.integer({ min: 60, max: 400 }),
      (message, details, limit) => {
        const notification = exampleNotification({ message, details });

        assert.ok(bodyOf(notification, { limit, encode: encodeEntity }).length <= limit);
        assert.ok(bytesOf(signedBodyOf(notification, { limit, measure: bytesOf })) <= limit);
      },
    ),
    { verbose: true },
  );
});

test("signs with machine, time in UTC and run", () => {
  assert.equal(
    signature(exampleNotification({ machine: "nas", run: "r1" })),
    "nas · 2026-11-20T03:00:12.000Z · run r1",
  );
});

test("takes secrets, control characters and reversed text out of everything", () => {
  const password = new Secret("canary-in-the-text");

  const cleaned = cleanText(`a\u0000b\u001b[31mc\u202Egpj.exe\rnew ${password.reveal()} \ud800`);

  assert.equal(cleaned, "ab[31mcgpj.exe\nnew *** \ufffd");
});

test("makes one line of a title that tries to be several", () => {
  assert.equal(
    cleanLine(" done\r\nBcc: everybody@example.org\n"),
    "done Bcc: everybody@example.org",
  );
});

test("knows a severity and a colour for every event", () => {
  for (const event of NotificationEvent.options) {
    assert.match(severityOf(event), /^(information|success|warning|problem)$/);
    assert.ok(colourOf(event) > 0 && colourOf(event) <= 0xffffff);
  }
});

test("publishes times as ISO 8601 and leaves out details that were not asked for", () => {
  const published: unknown = JSON.parse(JSON.stringify(documentOf(exampleNotification())));

  assert.deepEqual(published, {
    version: 1,
    event: "failure",
    job: "documents",
    run: "01JD3V9",
    time: "2026-11-20T03:00:12.000Z",
    machine: "nas",
    title: "documents: failed: the disk is full",
    message: "The repository has no space left.\nNothing was lost.",
    exitStatus: 1,
    seconds: 12.5,
  });
});
