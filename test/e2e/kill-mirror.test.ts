// Whenever a mirror is killed: no half snapshot is listed, earlier ones are what they were, the next run is whole, and drives are put back.
// HOLDFAST_KILLS: from 60 on at every event, and before, in and after every command; else at some of them.
// HOLDFAST_SEED: the seed of an earlier run.
import { suite, test } from "node:test";
import { withoutDisks } from "../support/disk.ts";
import { withoutMachines } from "../support/machines.ts";
import {
  driveElsewhere,
  driveHere,
  folderElsewhere,
  folderHere,
  type MirrorPlace,
} from "../support/mirror-places.ts";
import { type MirrorMoment, MirrorVictim } from "../support/mirror-victim.ts";
import { putEverythingBack } from "../support/own-world.ts";
import { withoutTools } from "../support/tools.ts";

putEverythingBack();

const thorough = Number(process.env["HOLDFAST_KILLS"] ?? 10) >= 60;
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const words = ["before", "in", "after"] as const;

interface Scene {
  readonly title: string;
  readonly skip: string | false;
  readonly place: () => Promise<MirrorPlace>;
  /** Of all boundaries every such one is tried, unless all are to be. */
  readonly every: number;
}

const scenes: readonly Scene[] = [
  { title: "with hard links", skip: false, place: folderHere, every: 2 },
  { title: "on a drive with btrfs", skip: withoutDisks("btrfs"), place: driveHere, every: 3 },
  {
    title: "with hard links, on another machine",
    skip: withoutMachines(),
    place: folderElsewhere,
    every: 3,
  },
  {
    title: "on a drive with btrfs, on another machine",
    skip: withoutMachines() || withoutDisks("btrfs"),
    place: driveElsewhere,
    every: 6,
  },
];

function described(moment: MirrorMoment): string {
  return moment.kind === "order" ? moment.order : `at ${moment.line}`;
}

/** Events and commands, of which every n-th is taken, beginning somewhere else each time. */
function momentsOf(
  lines: readonly string[],
  commands: number,
  every: number,
): readonly MirrorMoment[] {
  const numbers = Array.from({ length: commands }, (_, index) => index + 1);
  const isTaken = (_: unknown, index: number): boolean =>
    thorough || index % every === seed % every;
  const atLines = lines.filter(isTaken).map((line) => ({ kind: "line", line }) as const);
  const orders = numbers.filter(isTaken).flatMap((number, index) => {
    const turn = (index + seed) % words.length;
    const chosen = thorough ? words : words.slice(turn, turn + 1);
    return chosen.map((word) => ({ kind: "order", order: `${word} ${number}` }) as const);
  });
  return [...atLines, ...orders];
}

suite("a mirror that is killed", { skip: withoutTools("rsync"), concurrency: 2 }, () => {
  for (const { title, skip, place, every } of scenes) {
    test(title, { skip }, async (t) => {
      await using where = await place();
      await using victim = await MirrorVictim.make(where);
      await victim.change();
      const lines = await victim.run();
      const commands = await victim.countCommands();
      t.diagnostic(`${lines.length} events, ${commands} commands, seed ${seed}`);

      for (const moment of momentsOf(lines, commands, every)) {
        await t.test(described(moment), async () => await victim.killAndCheck(moment));
      }
    });
  }
});
