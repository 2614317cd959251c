import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { exampleNotification } from "../../test/support/notification.ts";
import { pingAddress, runUuid } from "./healthchecks.ts";
import { NotificationEvent, type Notification } from "./notifier.ts";

const check = "https://hc.example.org/ping/5f6f1c0e-0000-4000-8000-000000000001";

function pathFor(
  changes: Partial<Notification>,
  warning: "failure" | "success" = "failure",
): string {
  const address = pingAddress(check, exampleNotification({ run: "r1", ...changes }), warning);
  return new URL(address).pathname.replace(new URL(check).pathname, "");
}

test("pings the address that belongs to an event", () => {
  assert.equal(pathFor({ event: "start" }), "/start");
  assert.equal(pathFor({ event: "success", exitStatus: 0 }), "");
  assert.equal(pathFor({ event: "recovered", exitStatus: 0 }), "");
  assert.equal(pathFor({ event: "failure", exitStatus: 11 }), "/11");
  assert.equal(pathFor({ event: "repository-full", exitStatus: 1 }), "/1");
});

test("says /fail where there is no exit status that means failure", () => {
  for (const exitStatus of [undefined, 0, -1, 256]) {
    const { exitStatus: _known, ...rest } = exampleNotification({ event: "overdue", run: "r1" });
    const notification = exitStatus === undefined ? rest : { ...rest, exitStatus };

    assert.match(pingAddress(check, notification, "failure"), /\/fail\?rid=/);
  }
});

test("reports a warning as what was configured, never as nothing", () => {
  assert.equal(pathFor({ event: "warning", exitStatus: 3 }), "/3");
  assert.equal(pathFor({ event: "warning", exitStatus: 3 }, "success"), "");
});

test("only writes down what says nothing about health: skipped runs and test messages", () => {
  const { job: _job, ...testMessage } = exampleNotification({ event: "success" });

  assert.equal(pathFor({ event: "skipped" }), "/log");
  assert.match(pingAddress(check, testMessage, "failure"), /\/log\?/);
});

test("gives start and end of a run the same UUID, and another run another one", () => {
  assert.equal(runUuid("r1"), runUuid("r1"));
  assert.notEqual(runUuid("r1"), runUuid("r2"));
  assert.equal(
    runUuid("0193490D-7B1A-7C33-8C2E-9A2F5D1B0E11"),
    "0193490d-7b1a-7c33-8c2e-9a2f5d1b0e11",
  );
});

test("makes a valid UUID of version 5 from any run id", () => {
  fc.assert(
    fc.property(fc.string(), (run) => {
      assert.match(
        runUuid(run),
        /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }),
    { verbose: true },
  );
});

test("keeps what follows the path of a slug address", () => {
  const slug = "https://hc.example.org/key/nightly-documents/?create=1";

  assert.equal(
    pingAddress(slug, exampleNotification({ event: "start", run: "r1" }), "failure"),
    `https://hc.example.org/key/nightly-documents/start?create=1&rid=${runUuid("r1")}`,
  );
});

test("knows an address for every event", () => {
  for (const event of NotificationEvent.options) {
    assert.match(pathFor({ event }), /^(\/start|\/log|\/fail|\/\d+|)$/);
  }
});
