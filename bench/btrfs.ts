// What a copy costs beside bare `btrfs send | btrfs receive` (bar: 0.95 of its throughput), and a run with nothing to do
// beside btrbk's on the same snapshots (bar: 1.0 of its time). Root, btrfs-progs and btrbk are needed.
//   node bench/btrfs.ts [MEGABYTES] [SNAPSHOTS] [ROUNDS]
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSnapshots } from "../test/support/btrfs-places.ts";
import { newDisk } from "../test/support/disk.ts";

const megabytes = Number(process.argv[2] ?? 1000);
const count = Number(process.argv[3] ?? 200);
const rounds = Number(process.argv[4] ?? 5);
const root = join(import.meta.dirname, "..");

function run(file: string, ...args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr, stdout } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${stdout}${stderr}`);
  return performance.now() - started;
}

function btrfs(...args: readonly string[]): void {
  run("btrfs", ...args);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report(what: string, ours: readonly number[], theirs: readonly number[]): void {
  const ratios = ours.map((value, index) => value / (theirs[index] ?? Number.NaN));
  const figures = [median(ours), median(theirs)].map((value) => `${Math.round(value)} ms`);
  console.log(`${what}: ${figures.join(" against ")}, ratio ${median(ratios).toFixed(3)}`);
}

await using inner = await newDisk({ sizeMiB: megabytes * 3 + 2048 });
await using outer = await newDisk({ sizeMiB: megabytes * 6 + 2048 });
const home = join(inner.path, "home");
btrfs("subvolume", "create", home);

async function throughput(): Promise<void> {
  const kept = join(inner.path, "kept");
  mkdirSync(kept);
  const file = openSync(join(home, "bulk"), "w");
  for (let written = 0; written < megabytes; written += 1) writeSync(file, randomBytes(1024 ** 2));
  closeSync(file);
  const name = "2026-01-01T00:00:00";
  btrfs("subvolume", "snapshot", "-r", home, join(kept, name));
  const job = { name: "bench", paths: [] };
  const work = { signal: new AbortController().signal, progress() {} };
  const first = openSnapshots(kept);
  const snapshots = await first.snapshots(job, work.signal);
  const times = { ours: [] as number[], bare: [] as number[], flushed: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const bare = join(outer.path, `bare${round}`);
    const ours = join(outer.path, `ours${round}`);
    for (const folder of [bare, ours]) mkdirSync(folder);
    const drop = (): void => {
      run("sync");
      writeFileSync("/proc/sys/vm/drop_caches", "1");
    };
    drop();
    const piped = run("sh", "-c", `btrfs send -q ${kept}/${name} | btrfs receive -q ${bare}`);
    const flushed = piped + run("btrfs", "filesystem", "sync", outer.path);
    drop();
    const started = performance.now();
    await openSnapshots(ours).copy(first, { job, snapshots }, work);
    const copied = performance.now() - started;
    btrfs("subvolume", "delete", join(bare, name), join(ours, name));
    btrfs("subvolume", "sync", outer.path);
    // The first round warms up.
    if (round === 0) continue;
    times.ours.push(copied);
    times.bare.push(piped);
    times.flushed.push(flushed);
  }
  console.log(`copy of ${megabytes} MB, each ending with the data on the disk`);
  report("  time", times.ours, times.flushed);
  report("  time, the bare pipe not waiting for the disk", times.ours, times.bare);
}

/** The same small snapshots for both programs, on both disks. Answers with their folders and the subvolume. */
function makeMany() {
  const many = join(inner.path, "many");
  const far = join(outer.path, "many");
  for (const path of [many, far, join(many, "ours"), join(many, "btrbk"), join(far, "ours")]) {
    mkdirSync(path);
  }
  mkdirSync(join(far, "btrbk"));
  const small = join(inner.path, "small");
  btrfs("subvolume", "create", small);
  const parents = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    writeFileSync(join(small, "file"), String(index));
    const day = new Date(Date.UTC(2025, 0, 1 + index)).toISOString().slice(0, 10);
    const names = { ours: `${day}T00:00:00`, btrbk: `small.${day.replaceAll("-", "")}` };
    for (const [whose, name] of Object.entries(names)) {
      const path = join(many, whose, name);
      btrfs("subvolume", "snapshot", "-r", small, path);
      const parent = parents.get(whose);
      const difference = parent === undefined ? "" : `-p ${parent}`;
      run("sh", "-c", `btrfs send -q ${difference} ${path} | btrfs receive -q ${far}/${whose}`);
      parents.set(whose, path);
    }
  }
  return { many, far, small };
}

function nothingToDo(): void {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const { many, far, small } = makeMany();
  writeFileSync(
    join(folder, "btrbk.conf"),
    `snapshot_preserve_min all
target_preserve_min all
volume ${inner.path}
  snapshot_dir many/btrbk
  subvolume small
    target ${far}/btrbk
`,
  );
  writeFileSync(
    join(folder, "holdfast.yaml"),
    `state: ${folder}/state
repositories:
  near: { engine: btrfs, at: ${many}/ours, keep: { last: 1000 } }
  far: { engine: btrfs, at: ${far}/ours, keep: { last: 1000 } }
jobs:
  small: { sources: [{ subvolume: ${small} }], repository: near, copies: [far] }
`,
  );
  const holdfast = join(root, "bin/holdfast");
  const config = join(folder, "holdfast.yaml");
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds * 2; round += 1) {
    const one = run(holdfast, "--config", config, "run", "--only", "copy,forget");
    const other = run("btrbk", "-q", "-c", join(folder, "btrbk.conf"), "resume");
    if (round === 0) continue;
    ours.push(one);
    theirs.push(other);
  }
  console.log(
    `nothing to do, ${count} snapshots on each of two disks: copy and forget, btrbk resume`,
  );
  report("  time", ours, theirs);
  rmSync(folder, { recursive: true });
}

await throughput();
nothingToDo();
