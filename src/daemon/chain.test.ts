// What the daemon starts first, of jobs that read each other's repositories.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aChain, type TestChain } from "../../test/support/pretended-chain.ts";
import { Dispatcher } from "./dispatcher.ts";

const everyHour = { schedule: { kind: "interval", everyMs: 3_600_000 } } as const;
const hourMs = 3_600_000;

// In the file the last comes first: order follows from what is read.
const links = [
  { name: "far", reads: ["relay"], changes: everyHour },
  { name: "relay", reads: ["photos"], changes: everyHour },
  { name: "photos", changes: everyHour },
];

function aDispatcher(): Dispatcher {
  return new Dispatcher({
    listener: () => {},
    say: () => {},
    signal: new AbortController().signal,
    waker: { wake: () => {}, sleep: async () => {} },
  });
}

/** Looks and starts as the daemon does, until nothing is due any more. */
async function untilNothingIsDue(dispatcher: Dispatcher, { program }: TestChain): Promise<void> {
  for (;;) {
    dispatcher.startDue(program);
    if (dispatcher.running().length === 0) return;
    await dispatcher.idle();
  }
}

/** Lets time pass: every job is due then. */
function pass(chain: TestChain, ms: number): void {
  chain.clock.now = new Date(chain.clock.now.getTime() + ms);
}

function outcomes({ program }: TestChain): readonly (string | undefined)[] {
  return ["photos", "relay", "far"].map((name) => program.journal.lastRun(name)?.end?.outcome);
}

suite("jobs of the daemon that are due at once", () => {
  test("start after those whose snapshots they read", async () => {
    await using chain = await aChain(links);
    const dispatcher = aDispatcher();
    dispatcher.startDue(chain.program);
    pass(chain, 2 * hourMs);

    await untilNothingIsDue(dispatcher, chain);

    assert.deepEqual(chain.store.log, [
      "photos reads /data/photos",
      "relay reads /snapshots/photos-1",
      "far reads /snapshots/relay-1",
    ]);
  });

  test("are cancelled behind one that has failed, and made up for when it succeeds", async () => {
    await using chain = await aChain(links);
    const dispatcher = aDispatcher();
    await untilNothingIsDue(dispatcher, chain);
    chain.store.failing.add("photos");
    pass(chain, 2 * hourMs);
    await untilNothingIsDue(dispatcher, chain);
    const behindFailure = outcomes(chain);
    chain.store.failing.clear();
    pass(chain, hourMs / 2);
    dispatcher.want(["photos"]);

    await untilNothingIsDue(dispatcher, chain);

    assert.deepEqual(behindFailure, ["failure", "cancelled", "cancelled"]);
    assert.deepEqual(outcomes(chain), ["success", "success", "success"]);
    assert.equal(chain.store.log.at(-1), "far reads /snapshots/relay-2");
  });

  test("get their turn even when what they read is always due again", async () => {
    await using chain = await aChain(links);
    const dispatcher = aDispatcher();
    await untilNothingIsDue(dispatcher, chain);
    chain.store.heard = (line) => {
      // Each backup takes as long as the interval.
      if (line.startsWith("photos")) pass(chain, hourMs);
    };
    pass(chain, 2 * hourMs);

    for (let looks = 0; looks < 5; looks += 1) {
      dispatcher.startDue(chain.program);
      await dispatcher.idle();
    }

    assert.ok(
      chain.store.log.some((line) => line.startsWith("relay")),
      chain.store.log.join("; "),
    );
  });

  test("that were all asked for keep that order", async () => {
    await using chain = await aChain(links);
    const dispatcher = aDispatcher();
    dispatcher.want(["far", "relay", "photos"]);

    await untilNothingIsDue(dispatcher, chain);

    assert.deepEqual(
      chain.store.log.map((line) => line.split(" ")[0]),
      ["photos", "relay", "far"],
    );
  });
});
