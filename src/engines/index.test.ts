import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import * as z from "zod";
import { AnyRepository } from "./index.ts";

test("every folder of this room is an engine that a configuration can name", () => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

  const answers = folders.map((engine) => AnyRepository.safeParse({ engine }).error?.issues ?? []);

  assert.ok(folders.includes("restic"));
  for (const issues of answers) {
    assert.ok(issues.length > 0);
    assert.ok(issues.every(({ path }) => path[0] !== "engine"));
  }
});

test("every option of every engine is described in sentences", () => {
  const JsonSchema = z.object({
    oneOf: z.array(
      z.object({
        properties: z.record(z.string(), z.object({ description: z.string().optional() })),
      }),
    ),
  });

  const { oneOf } = JsonSchema.parse(z.toJSONSchema(AnyRepository, { io: "input" }));

  for (const { properties } of oneOf) {
    for (const [name, { description }] of Object.entries(properties)) {
      assert.match(description ?? "", /^[A-Zr].+[.)]$/s, name);
    }
  }
});
