// Start-up of the program against `node -e 0`, alternating in one run. Bar: 1.5 times.
//   node bench/start.ts [ROUNDS]
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const rounds = Number(process.argv[2] ?? 40);
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const config = join(folder, "holdfast.yaml");
writeFileSync(join(folder, "password"), "bench", { mode: 0o600 });
writeFileSync(
  config,
  `state: ${folder}/state
repositories:
  disk: { engine: restic, at: ${folder}/repository, password: { file: ${folder}/password } }
jobs:
  documents: { sources: [${root}/docs], repository: disk, schedule: "0 2 * * *", keep: { daily: 7 } }
`,
);

// An outline of the configuration is kept once the file is older than a file system's clock is coarse.
await setTimeout(2100);

// A clone looks for sources that are newer than its bundle. What users install has none.
const clone = join(root, "bin/holdfast");
const installed = join(folder, "bin/holdfast");
for (const part of ["bin", "dist"])
  cpSync(join(root, part), join(folder, part), { recursive: true });
const commands = {
  "node -e 0": [process.execPath, "-e", "0"],
  "--version": [installed, "--version"],
  status: [installed, "--config", config, "status"],
  "--version, in a clone": [clone, "--version"],
  "status, in a clone": [clone, "--config", config, "status"],
} as const;

const samples = new Map<string, number[]>(Object.keys(commands).map((name) => [name, []]));
for (let round = -3; round < rounds; round += 1) {
  for (const [name, [file, ...args]] of Object.entries(commands)) {
    const started = performance.now();
    const { status, stderr } = spawnSync(file, args, { encoding: "utf8" });
    const milliseconds = performance.now() - started;
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    // The first rounds fill caches.
    if (round >= 0) samples.get(name)?.push(milliseconds);
  }
}
rmSync(folder, { recursive: true });

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
const bare = median(samples.get("node -e 0") ?? []);
for (const [name, figures] of samples) {
  const time = median(figures);
  console.log(
    `${name.padEnd(22)} ${time.toFixed(1).padStart(7)} ms   ${(time / bare).toFixed(2)} × node -e 0`,
  );
}
