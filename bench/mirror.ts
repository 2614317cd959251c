// What holdfast adds to bare rsync with the same flags, for a tree without changes. Bars: 1.05 times for data, 150 ms fixed.
//   node bench/mirror.ts [FILES] [ROUNDS]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnyRepository } from "../src/engines/index.ts";
import { localHost } from "../src/hosts/local.ts";

const files = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 7);
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };

function run(file: string, args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, { encoding: "utf8", env, maxBuffer: 1 << 28 });
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

/** The very flags that holdfast gives rsync, without the two paths at the end. */
function flagsOf(snapshots: string, tree: string): readonly string[] {
  const repository = AnyRepository.parse({ engine: "rsync", at: "/x", snapshots }).open({
    host: localHost(),
    here: localHost(),
    ledger: { promise: () => ({ settle() {} }) },
    location: "/x",
    name: "bench",
    secret: () => Promise.reject(new Error("a mirror has no secrets")),
  });
  const commands = repository.preview({
    verb: "backup",
    request: {
      job: "bench",
      source: { kind: "paths", paths: [tree], [Symbol.asyncDispose]: async () => {} },
      sourceHost: localHost(),
      selection: {
        exclude: [],
        excludeFiles: [],
        excludeIfPresent: [],
        ignoreCase: false,
        oneFileSystem: false,
      },
      labels: [],
      full: false,
      allowDeletions: false,
    },
  });
  const rsync = commands.find(({ argv }) => argv[0] === "rsync");
  return rsync?.argv.slice(1, -2) ?? [];
}

/** A tree mirrored once by each of the two, into places of their own. */
function prepare(snapshots: "none" | "hard-links", name: string, count: number) {
  const tree = makeTree(`${name}-${snapshots}`, count);
  const bare = `${tree}-bare`;
  const config = `${tree}.yaml`;
  mkdirSync(join(bare, "snapshots"), { recursive: true });
  writeFileSync(
    config,
    `state: ${tree}-state
repositories:
  disk: { engine: rsync, at: ${tree}-ours, snapshots: ${snapshots} }
jobs:
  bench: { sources: [${tree}], repository: disk }
`,
  );
  const holdfast = (...args: string[]): number =>
    run(join(root, "bin/holdfast"), ["--config", config, ...args]);
  const flags = flagsOf(snapshots, tree);
  let number = 0;
  const bareOnce = (): number => {
    if (snapshots === "none") return run("rsync", [...flags, `${tree}/`, `${bare}/mirror/`]);
    // As a careful script does it: aside, then renamed, then the link.
    const took = run("rsync", [...flags, `${tree}/`, `${bare}/new/`]);
    number += 1;
    renameSync(`${bare}/new`, `${bare}/snapshots/${number}`);
    rmSync(`${bare}/latest`, { force: true });
    symlinkSync(`snapshots/${number}`, `${bare}/latest`);
    return took;
  };
  holdfast("init");
  return { bare: bareOnce, ours: () => holdfast("run", "--quiet") };
}

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;

for (const snapshots of ["none", "hard-links"] as const) {
  for (const [name, count] of [
    ["small", 10],
    ["large", files],
  ] as const) {
    const { bare, ours } = prepare(snapshots, name, count);
    bare();
    ours();
    const samples = { bare: [] as number[], ours: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      samples.bare.push(bare());
      samples.ours.push(ours());
    }
    const [bareTime, ourTime] = [median(samples.bare), median(samples.ours)];
    console.log(`${count} unchanged files, snapshots: ${snapshots}, median of ${rounds} rounds:`);
    console.log(`  rsync                              ${bareTime.toFixed(0)} ms`);
    console.log(`  holdfast run                       ${ourTime.toFixed(0)} ms`);
    console.log(
      `  ratio ${(ourTime / bareTime).toFixed(3)}, difference ${(ourTime - bareTime).toFixed(0)} ms`,
    );
    // What other work on the machine disturbs least.
    const [bareBest, ourBest] = [Math.min(...samples.bare), Math.min(...samples.ours)];
    console.log(`  the quickest of each: ${bareBest.toFixed(0)} and ${ourBest.toFixed(0)} ms`);
  }
}
rmSync(folder, { recursive: true });
