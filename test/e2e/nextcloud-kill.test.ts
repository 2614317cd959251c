// Whenever a backup of a Nextcloud is killed: the next start ends maintenance, nothing is left over, the chain is valid, and the next run succeeds.
// HOLDFAST_KILLS: how many kills at random moments (default 4; from 60 on also at every event, and before, in and after every command).
// HOLDFAST_SEED: the seed of an earlier run.
import { suite, test } from "node:test";
import { type CloudMoment, CloudVictim } from "../support/cloud-victim.ts";
import type { CloudSetup } from "../support/cloud-user.ts";
import { withoutDisks } from "../support/disk.ts";
import { randomNumbers } from "../support/random.ts";
import { withoutTools } from "../support/tools.ts";

const randomKills = Number(process.env["HOLDFAST_KILLS"] ?? 4);
const thorough = randomKills >= 60;
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const words = ["before", "in", "after"] as const;

interface Scene {
  readonly title: string;
  readonly setup: CloudSetup;
  readonly stays: readonly string[];
  readonly skip: string | false;
}

const scenes: readonly Scene[] = [
  {
    title: "that keeps files by a snapshot",
    setup: { ground: "subvolume" },
    stays: [],
    skip: withoutDisks("btrfs"),
  },
  {
    title: "that keeps files by a copy",
    setup: { ground: "plain", source: { capture: "staged" } },
    stays: ["data", "extra"],
    skip: false,
  },
];

/** Every event and every command, or some of them, others each time. */
function boundaries(lines: readonly string[], commands: number): readonly CloudMoment[] {
  const numbers = Array.from({ length: commands }, (_, index) => index + 1);
  const atLines = lines.map((line) => ({ kind: "line", line }) as const);
  const orders = numbers.flatMap((number) =>
    words.map((word) => ({ kind: "order", order: `${word} ${number}` }) as const),
  );
  const all = [...atLines, ...orders];
  const every = thorough ? 1 : Math.ceil(all.length / 3);
  return all.filter((_, index) => index % every === seed % every);
}

function described(moment: CloudMoment): string {
  switch (moment.kind) {
    case "order":
      return moment.order;
    case "line":
      return `at ${moment.line}`;
    case "time":
      return `after ${moment.ms} ms (${moment.extent})`;
  }
}

const options = { skip: withoutTools("sqlite3", "rsync", "tar", "flock", "zstd"), concurrency: 2 };

suite("a backup of a Nextcloud that is killed", options, () => {
  for (const { title, setup, stays, skip } of scenes) {
    test(title, { skip }, async (t) => {
      await using victim = await CloudVictim.make(setup, stays);
      const lines = await victim.run();
      const commands = await victim.countCommands();
      t.diagnostic(`${lines.length} events, ${commands} commands, seed ${seed}`);
      const random = randomNumbers(seed);
      const anyTime = Array.from({ length: Math.ceil(randomKills / 2) }, (): CloudMoment => {
        const ms = Math.round(random() * victim.lastRunMs);
        return { kind: "time", ms, extent: random() < 0.5 ? "program" : "everything" };
      });

      for (const [index, moment] of [...boundaries(lines, commands), ...anyTime].entries()) {
        await t.test(described(moment), async () => {
          await victim.killAndCheck(moment, index % 2 === 0);
        });
      }
    });
  }
});
