import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { suite, test } from "node:test";
import * as z from "zod";
import { AnyNotifier } from "./index.ts";

/** The smallest configuration of each notifier. */
const smallest: readonly Readonly<Record<string, unknown>>[] = [
  { type: "discord", webhook: { env: "DISCORD" } },
  { type: "desktop" },
  { type: "email", host: "mail.example.org", from: "a@example.org", to: ["b@example.org"] },
  { type: "ntfy", topic: "backups" },
  { type: "slack", webhook: { env: "SLACK" } },
  { type: "gotify", server: "https://gotify.example.org", token: { env: "GOTIFY" } },
  { type: "webhook", url: { env: "HOOK" } },
  { type: "healthchecks", url: { env: "CHECK" } },
  { type: "apprise", urls: [{ env: "APPRISE" }] },
  { type: "command", command: ["/bin/true"] },
];

function problemsOf(configuration: unknown): readonly string[] {
  const result = AnyNotifier.safeParse(configuration);
  return result.success ? [] : result.error.issues.map(({ message }) => message);
}

suite("the configuration of notifiers", () => {
  test("knows every notifier that has a file", async () => {
    const shared = new Set(["notifier", "index", "channel", "format", "http"]);
    const entries = await readdir(import.meta.dirname);
    const names = entries
      .filter((name) => !name.endsWith(".test.ts"))
      .map((name) => name.replace(/\.ts$/, ""))
      .filter((name) => !shared.has(name));

    assert.deepEqual(new Set(names), new Set(smallest.map(({ type }) => type)));
    for (const configuration of smallest) assert.deepEqual(problemsOf(configuration), []);
  });

  test("tells most notifiers what needs a person, and healthchecks starts and successes too", () => {
    const defaults = new Map(
      smallest.map((configuration) => {
        const { type, on } = AnyNotifier.parse(configuration);
        return [type, on];
      }),
    );

    for (const [type, on] of defaults) {
      assert.equal(on.has("failure"), true, type);
      assert.equal(on.has("success"), type === "healthchecks", type);
      assert.equal(on.has("start"), type === "healthchecks", type);
    }
  });

  test("names a key that does not exist", () => {
    for (const configuration of smallest) {
      assert.deepEqual(problemsOf({ ...configuration, colour: "red" }), [
        'Unrecognized key: "colour"',
      ]);
    }
  });

  test("refuses what could never work or would give something away", () => {
    const mail = { type: "email", host: "mail.example.org", from: "a@example.org" };
    const ntfy = { type: "ntfy", topic: "backups" };
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [{ ...ntfy, topic: "a/b" }, /a topic has/],
      [{ ...ntfy, user: "me" }, /belong together/],
      [{ ...ntfy, user: "me", password: "x", token: "y" }, /either a token/],
      [{ ...ntfy, server: "https://me:password@ntfy.example.org" }, /no user and no password/],
      [{ ...ntfy, server: "ftp://ntfy.example.org" }, /begins with https/],
      [{ ...ntfy, timeout: "30" }, /has no unit/],
      [{ ...ntfy, timeout: "60d" }, /between/],
      [{ ...mail, to: [] }, /./],
      [{ ...mail, to: ["a@example.org\r\nBcc: b@example.org"] }, /one mail address/],
      [{ ...mail, to: ["a@example.org, b@example.org"] }, /one mail address/],
      [{ ...mail, to: ["b@example.org"], user: "me" }, /belong together/],
      [
        { ...mail, to: ["b@example.org"], tls: "none", user: "me", password: "x" },
        /only sent over an encrypted/,
      ],
      [{ type: "webhook", url: "https://example.org", headers: { Host: "x" } }, /sets Host itself/],
      [
        { type: "webhook", url: "https://example.org", headers: { "a b": "x" } },
        /is no name of an HTTP/,
      ],
      [{ type: "command", command: [] }, /./],
      [{ type: "pigeon" }, /discriminator/],
    ];

    for (const [configuration, expected] of refused) {
      const problems = problemsOf(configuration);
      assert.match(problems.join("; "), expected, JSON.stringify(configuration));
    }
  });

  test("describes every key for editors", () => {
    const schema = z.toJSONSchema(AnyNotifier, { io: "input" });

    for (const notifier of schema.oneOf ?? []) {
      assert.ok(typeof notifier === "object");
      for (const [key, property] of Object.entries(notifier.properties ?? {})) {
        assert.ok(typeof property === "object");
        assert.ok((property.description ?? "").length > 10, key);
      }
    }
    assert.equal(schema.oneOf?.length, smallest.length);
  });

  test("keeps no secret that can be printed", () => {
    const parsed = AnyNotifier.parse({ type: "discord", webhook: "https://canary.example.org/x" });

    assert.doesNotMatch(JSON.stringify(parsed), /canary/);
  });
});
