import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfter } from "./http.ts";

const now = Date.parse("2026-11-20T03:00:00Z");

test("reads how long a server asks to wait", () => {
  assert.equal(retryAfter(null, now), undefined);
  assert.equal(retryAfter("2", now), 2000);
  assert.equal(retryAfter("0.25", now), 250);
  assert.equal(retryAfter("Fri, 20 Nov 2026 03:00:05 GMT", now), 5000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 02:00:00 GMT", now), 0);
  assert.equal(retryAfter("soon", now), undefined);
});
