// 24 jobs on 3 machines: the wall time of one `holdfast run` beside the bare rsyncs in sequence, and who connects how often.
//   node bench/fleet.ts [FILES] [ROUNDS]      as root: the machines are network namespaces
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, type FleetJob, newFleet } from "../test/support/fleet.ts";

const files = Number(process.argv[2] ?? 200);
const rounds = Number(process.argv[3] ?? 5);

const text = "x".repeat(2000);
const tree = Object.fromEntries(
  Array.from({ length: files }, (_, index) => [`d${index % 10}/f${index}`, `${index} ${text}`]),
);

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;

function run([program, ...args]: readonly [string, ...string[]]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
}

/** What a script does for one job: a new folder that shares what has not changed with the last one. */
function bare({ machines }: Fleet, job: FleetJob, round: number): void {
  const { disk, address, entry } = machines.get(job.machine);
  const known = `UserKnownHostsFile=${String(entry["known-hosts"])}`;
  const shell = `ssh -F none -i ${String(entry["key"])} -o ${known} -o BatchMode=yes`;
  const there = (path: string): string =>
    path.startsWith(disk) ? `root@${address}:${path.replace(disk, machines.disk)}` : path;
  const folder = `${job.mirror}-bare`;
  mkdirSync(folder, { recursive: true });
  const options = ["-aHAX", "--numeric-ids", "--delete", `--link-dest=../${round - 1}`];
  const ends = [`${there(job.source)}/`, there(join(folder, String(round)))];
  run([...machines.prefix, "rsync", ...options, "-e", shell, "--", ...ends]);
}

async function connections({ machines }: Fleet): Promise<number> {
  const counts = machines.all.map(async (machine) => (await machine.connections()).made);
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Milliseconds and connections of something. */
async function measured(
  fleet: Fleet,
  doing: () => Promise<void> | void,
): Promise<{ readonly ms: number; readonly connections: number }> {
  const before = await connections(fleet);
  const started = performance.now();
  await doing();
  const ms = performance.now() - started;
  return { ms, connections: (await connections(fleet)) - before };
}

async function holdfast(fleet: Fleet, ...words: readonly string[]): Promise<void> {
  const { exitStatus, stdout, stderr } = await fleet.call(...words);
  if (exitStatus !== 0) throw new Error(`${words.join(" ")}: ${stdout}${stderr}`);
}

await using fleet = await newFleet(tree);
await holdfast(fleet, "init");
const kinds = {
  "bare rsync, 24 in sequence": (round: number) => {
    for (const job of fleet.jobs) bare(fleet, job, round);
  },
  "holdfast run": async () => await holdfast(fleet, "run", "--quiet"),
  "holdfast run --dry-run (preflight)": async () => await holdfast(fleet, "run", "--dry-run"),
  "holdfast doctor": async () => await holdfast(fleet, "doctor"),
} as const;
const times = new Map<string, number[]>();
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, doing] of Object.entries(kinds)) {
    const { ms, connections: count } = await measured(fleet, async () => await doing(round));
    // The first round copies everything.
    if (round === 0) console.log(`${name}: first time ${ms.toFixed(0)} ms, ${count} connections`);
    else times.set(name, [...(times.get(name) ?? []), ms]);
  }
}
console.log(`unchanged, ${files} files a job, median of ${rounds} rounds:`);
for (const [name, figures] of times)
  console.log(`  ${name.padEnd(36)}${median(figures).toFixed(0)} ms`);
const [bareTime = 0, ours = 0] = [...times.values()].map(median);
console.log(`  ratio ${(ours / bareTime).toFixed(3)}`);
for (const { mirror } of fleet.jobs) rmSync(`${mirror}-bare`, { recursive: true });
