// What holdfast adds to bare restic with the same flags, in one run. Bars: 1.05 times for data, 150 ms fixed.
//   node bench/overhead.ts [FILES] [ROUNDS]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const files = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 7);
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };

function run(file: string, args: readonly string[], extra: Record<string, string> = {}): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, {
    encoding: "utf8",
    env: { ...env, ...extra },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

function makeTree(name: string, count: number): string {
  const tree = join(folder, name);
  for (let index = 0; index < count; index += 1) {
    const directory = join(tree, `d${Math.floor(index / 500)}`);
    if (index % 500 === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${index}`), `${index}\n`);
  }
  return tree;
}

/** A tree backed up once by each of the two, into repositories of their own. */
function prepare(name: string, count: number) {
  const tree = makeTree(name, count);
  const bare = join(folder, `${name}-bare`);
  const ours = join(folder, `${name}-ours`);
  const config = join(folder, `${name}.yaml`);
  writeFileSync(join(folder, "password"), "bench", { mode: 0o600 });
  writeFileSync(
    config,
    `state: ${folder}/${name}-state
repositories:
  disk: { engine: restic, at: ${ours}, password: { file: ${folder}/password } }
jobs:
  bench: { sources: [${tree}], repository: disk }
`,
  );
  const secret = { RESTIC_PASSWORD: "bench", RESTIC_REPOSITORY: bare };
  const restic = (...args: string[]): number => run("restic", args, secret);
  const holdfast = (...args: string[]): number =>
    run(join(root, "bin/holdfast"), ["--config", config, ...args]);
  restic("init");
  holdfast("init");
  return {
    // What a careful script does: back up, then ask whether the snapshot is there.
    bare: () =>
      restic("backup", "--json", "--tag", "bench", "--", tree) + restic("snapshots", "--json"),
    backupAlone: () => restic("backup", "--json", "--tag", "bench", "--", tree),
    ours: () => holdfast("run", "--quiet"),
  };
}

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;

for (const [name, count] of [
  ["small", 10],
  ["large", files],
] as const) {
  const { bare, ours, backupAlone } = prepare(name, count);
  bare();
  ours();
  const samples = { bare: [] as number[], ours: [] as number[], alone: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    samples.bare.push(bare());
    samples.ours.push(ours());
    samples.alone.push(backupAlone());
  }
  const [bareTime, ourTime] = [median(samples.bare), median(samples.ours)];
  console.log(`${count} unchanged files, median of ${rounds} rounds:`);
  console.log(`  restic backup alone                ${median(samples.alone).toFixed(0)} ms`);
  console.log(`  restic backup, restic snapshots    ${bareTime.toFixed(0)} ms`);
  console.log(`  holdfast run (the same two)        ${ourTime.toFixed(0)} ms`);
  console.log(
    `  ratio ${(ourTime / bareTime).toFixed(3)}, difference ${(ourTime - bareTime).toFixed(0)} ms`,
  );
}
rmSync(folder, { recursive: true });
