import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { accessTo, exampleNotification } from "../../test/support/notification.ts";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { SecretReference } from "../kernel/secret-reference.ts";
import { Secret } from "../kernel/secret.ts";
import { channelSpec, outgoing, type Deliver } from "./channel.ts";
import type { Notifier } from "./notifier.ts";

// No command may be run here.
const nowhere = new ScriptedHost([]);

function notifierThat(deliver: Deliver, timeout = 30_000): Notifier {
  const options = { type: "carrier-pigeon", on: [], "include-details": false, timeout } as const;
  return channelSpec(options, deliver).open(accessTo(nowhere));
}

suite("what leaves the house", () => {
  test("holds no details unless they were asked for", () => {
    const notification = exampleNotification({ details: ["/home/ada/diary.txt"] });

    assert.deepEqual(outgoing(notification, false).details, []);
    assert.deepEqual(outgoing(notification, true).details, ["/home/ada/diary.txt"]);
  });

  test("holds no secret, even when the caller let one through", () => {
    const secret = new Secret("canary-of-the-caller");
    const text = `x ${secret.reveal()} y`;

    const sent = outgoing(
      exampleNotification({
        title: text,
        message: text,
        job: text,
        machine: text,
        details: [text],
      }),
      true,
    );

    assert.doesNotMatch(JSON.stringify(sent), /canary/);
    assert.equal(sent.details[0], "x *** y");
  });
});

suite("a notifier that fails", () => {
  test("says so in one form, with the hint of what went wrong", async () => {
    const notifier = notifierThat(async (_notification, { reveal }) => {
      await reveal(SecretReference.parse({ env: "PIGEON" }));
    });

    await assert.rejects(notifier.send(exampleNotification(), AbortSignal.timeout(5000)), {
      code: "notification-failed",
      message: 'carrier-pigeon: there is no {"env":"PIGEON"}',
      hint: "create it",
    });
  });

  test("gives up when its time is over", async () => {
    const notifier = notifierThat((_notification, { signal }) => untilAborted(signal), 20);

    await assert.rejects(notifier.send(exampleNotification(), new AbortController().signal), {
      code: "notification-failed",
      message: "carrier-pigeon: did not take the message within 20 ms",
    });
  });

  test("stops when the caller does", async () => {
    const caller = new AbortController();
    const notifier = notifierThat((_notification, { signal }) => untilAborted(signal));

    const sending = notifier.send(exampleNotification(), caller.signal);
    caller.abort();

    await assert.rejects(sending, {
      code: "notification-failed",
      message: "carrier-pigeon: stopped before it was told",
    });
  });

  test("does not begin for a caller who has stopped already", async () => {
    let begun = false;
    const notifier = notifierThat(async () => {
      begun = true;
    });

    await assert.rejects(notifier.send(exampleNotification(), AbortSignal.abort()), HoldfastError);
    assert.equal(begun, false);
  });

  test("lets a bug through with its stack", async () => {
    const bug = new TypeError("undefined is not a pigeon");
    const notifier = notifierThat(() => Promise.reject(bug));

    await assert.rejects(
      notifier.send(exampleNotification(), AbortSignal.timeout(5000)),
      (error) => error === bug,
    );
  });
});

async function untilAborted(signal: AbortSignal): Promise<void> {
  // Held, because the timers behind a signal do not keep a process alive.
  const alive = setInterval(() => undefined, 1000);
  try {
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  } finally {
    clearInterval(alive);
  }
}
