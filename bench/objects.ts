// What a tree of links costs beside `cp -al` of the same tree. Bars: 1.2 times, 200 MB whatever the number of rows.
//   node bench/objects.ts [ROWS…]            default: 100000 1000000
//   TMPDIR=/a/disk node bench/objects.ts     where the trees are made
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { openObjects } from "../test/support/objects-places.ts";
import { hashOfMany, manyObjects } from "../test/support/objects-source.ts";
import { calmWork, requestFor } from "../test/support/objects-workshop.ts";

/** A run in a process of its own, so that its memory is its own too. */
async function backUpHere(location: string, rows: number): Promise<void> {
  const repository = openObjects(location);
  const started = performance.now();
  const { evidence } = await repository.backup(requestFor(manyObjects(rows)), calmWork);
  const seconds = (performance.now() - started) / 1000;
  const megabytes = process.resourceUsage().maxRSS / 1000;
  if (evidence.files !== rows || evidence.unreadableCount !== undefined) {
    throw new Error(`it holds ${evidence.files} files: ${evidence.unreadable?.join(", ")}`);
  }
  console.log(JSON.stringify({ seconds, megabytes }));
}

/** As what is delivered runs: bundled, and with the options that `bin/holdfast` gives. */
function backUp(location: string, rows: number): { seconds: number; megabytes: number } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--max-semi-space-size=4", bundle(), "--backup", location, String(rows)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

let bundled: string | undefined;

function bundle(): string {
  if (bundled !== undefined) return bundled;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  bundled = join(folder, "objects.mjs");
  buildSync({
    entryPoints: [import.meta.filename],
    outfile: bundled,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return bundled;
}

function run(file: string, ...args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${stderr}`);
  return (performance.now() - started) / 1000;
}

/** A store that holds the content of all rows, as after a first backup. */
function makeStore(location: string, rows: number): void {
  const store = join(location, ".data", "sha1");
  for (let shelf = 0; shelf < 256; shelf += 1) {
    mkdirSync(join(store, shelf.toString(16).padStart(2, "0")), { recursive: true });
  }
  mkdirSync(join(location, "snapshots"));
  for (let row = 1; row <= rows; row += 1) {
    const hash = hashOfMany(row);
    writeFileSync(join(store, hash.slice(0, 2), hash.slice(2)), "x");
  }
}

function measureTrees(rows: number): void {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const location = join(folder, "repository");
    makeStore(location, rows);
    const first = backUp(location, rows);
    const [snapshot = ""] = readdirSync(join(location, "snapshots"));
    const tree = join(location, "snapshots", snapshot);
    const ratios: number[] = [];
    for (let round = 1; round <= 3; round += 1) {
      run("sync", "--file-system", folder);
      const copied = join(folder, `copy-${round}`);
      // What is to last is on the disk in both.
      const bare = run("cp", "-al", tree, copied) + run("sync", "--file-system", folder);
      const ours = backUp(location, rows);
      ratios.push(ours.seconds / bare);
      console.log(
        `${rows} rows: cp -al ${bare.toFixed(2)} s, unchanged backup ${ours.seconds.toFixed(2)} s ` +
          `(${(ours.seconds / bare).toFixed(2)} times), ${ours.megabytes.toFixed(0)} MB`,
      );
    }
    const [, median = 0] = ratios.toSorted((a, b) => a - b);
    console.log(
      `${rows} rows: ${median.toFixed(2)} times cp -al (first backup, nothing to fetch: ${first.seconds.toFixed(2)} s)`,
    );
  } finally {
    run("rm", "-rf", folder);
  }
}

const [first, location = "", count = ""] = process.argv.slice(2);
if (first === "--backup") await backUpHere(location, Number(count));
else {
  const wanted = process.argv.slice(2).map(Number);
  for (const rows of wanted.length === 0 ? [100_000, 1_000_000] : wanted) measureTrees(rows);
}
