// What one pass costs beside the Nextcloud backup script's way: a staged copy, tar | pigz into a second file, gpg into a third.
// Both in turn, in one run, on the same tree. Bar: 0.35 of its time, and next to no temporary space.
//   node bench/archive.ts [MEGABYTES] [ROUNDS] [FOLDER]
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { localHost } from "../src/hosts/local.ts";
import { AnyRepository } from "../src/engines/index.ts";
import { Secret } from "../src/kernel/secret.ts";

const megabytes = Number(process.argv[2] ?? 2000);
const rounds = Number(process.argv[3] ?? 3);
const folder = mkdtempSync(join(process.argv[4] ?? tmpdir(), "holdfast-bench-"));
const passphrase = "an ordinary passphrase";
const env = { ...process.env, GNUPGHOME: join(folder, "gnupg") };
const tree = join(folder, "data");

/** As people have it: much that is compressed already, texts, and many small files. */
function makeTree(): void {
  const block = 4_000_000;
  const noise = (index: number): Buffer => {
    const key = createHash("sha256").update(`${index}`).digest("hex");
    const words = ["enc", "-aes-128-ctr", "-nosalt", "-K", key.slice(0, 32), "-iv", key.slice(32)];
    return spawnSync("openssl", words, { input: Buffer.alloc(block), maxBuffer: 1 << 24 }).stdout;
  };
  const text = (index: number): string => {
    const words = Array.from({ length: 400 }, (_, at) =>
      (index * 7919 + at * 104_729).toString(36),
    );
    return words
      .join(" ")
      .repeat(Math.ceil(block / (words.join(" ").length + 1)))
      .slice(0, block);
  };
  for (let index = 0; index < megabytes / 4; index += 1) {
    const directory = join(tree, `folder ${Math.floor(index / 50)}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file ${index}`), index % 3 === 2 ? text(index) : noise(index));
    for (let small = 0; small < 20; small += 1) {
      writeFileSync(join(directory, `small ${index} ${small}`), `${index} ${small}\n`.repeat(200));
    }
  }
}

function ended(file: string, { status, stderr }: SpawnSyncReturns<string>): void {
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
}

function run(file: string, ...args: readonly string[]): void {
  ended(file, spawnSync(file, args, { encoding: "utf8", env, maxBuffer: 1 << 28 }));
}

/** Bytes that a folder takes. */
function sizeOf(path: string): number {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).blocks * 512);
  return sizes.reduce((sum, size) => sum + size, 0);
}

interface Sample {
  readonly seconds: number;
  /** Bytes of the disk that were taken at most, and those that the archive takes in the end. */
  readonly most: number;
  readonly kept: number;
}

/** Its commands (rsync, tar with pigz, gpg), and what they leave. */
function theScript(round: number): Sample {
  const [staging, target] = [join(folder, `staging-${round}`), join(folder, `script-${round}`)];
  mkdirSync(staging);
  mkdirSync(target);
  const archive = join(target, "2026-02-21-03-full.tar.gz");
  const began = performance.now();
  run("rsync", "-av", "--delete", tree, staging);
  const compress = '--use-compress-program="/usr/bin/pigz"';
  const state = archive.replace(".tar.gz", ".snar");
  run("tar", "-C", staging, compress, "-cf", archive, "--listed-incremental", state, ".");
  const how = ["--batch", "--yes", "--cipher-algo", "AES256", "--passphrase", passphrase];
  run("gpg", ...how, "-o", `${archive}.gpg`, "-c", archive);
  const most = sizeOf(staging) + sizeOf(target);
  rmSync(archive);
  const seconds = (performance.now() - began) / 1000;
  const kept = sizeOf(target);
  rmSync(staging, { recursive: true });
  rmSync(target, { recursive: true });
  return { seconds, most, kept };
}

async function onePass(round: number): Promise<Sample> {
  const location = join(folder, `ours-${round}`);
  const host = localHost();
  const repository = AnyRepository.parse({
    engine: "tar",
    at: location,
    encrypt: { gpg: { passphrase } },
  }).open({
    host,
    here: host,
    ledger: { promise: () => ({ settle() {} }) },
    location,
    name: "bench",
    secret: async () => new Secret(passphrase),
  });
  const { signal } = new AbortController();
  await repository.init(signal);
  let most = 0;
  const watching = setInterval(() => (most = Math.max(most, sizeOf(location))), 50);
  const began = performance.now();
  const selection = { exclude: [], excludeFiles: [], excludeIfPresent: [], ignoreCase: false };
  await repository.backup(
    {
      job: "bench",
      source: { kind: "paths", root: folder, paths: [tree], [Symbol.asyncDispose]: async () => {} },
      sourceHost: host,
      selection: { ...selection, oneFileSystem: false },
      labels: [],
      full: true,
      allowDeletions: false,
    },
    { signal, progress: () => {} },
  );
  const seconds = (performance.now() - began) / 1000;
  clearInterval(watching);
  const kept = sizeOf(location);
  rmSync(location, { recursive: true });
  return { seconds, most: Math.max(most, kept), kept };
}

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function show(title: string, samples: readonly Sample[]): void {
  const all = samples.map(({ seconds }) => seconds.toFixed(1)).join(", ");
  const most = median(samples.map((each) => each.most));
  const kept = median(samples.map((each) => each.kept));
  console.log(
    `  ${title.padEnd(32)} ${median(samples.map(({ seconds }) => seconds)).toFixed(1)} s (${all})`,
  );
  console.log(
    `    archive ${mega(kept)}, temporary space beside it ${mega(Math.max(0, most - kept))}`,
  );
}

mkdirSync(env.GNUPGHOME, { mode: 0o700 });
makeTree();
const [script, ours]: [Sample[], Sample[]] = [[], []];
for (let round = 0; round < rounds; round += 1) {
  script.push(theScript(round));
  ours.push(await onePass(round));
}
spawnSync("gpgconf", ["--kill", "gpg-agent"], { env });
console.log(`${mega(sizeOf(tree))} in ${rounds} rounds, in turn, median:`);
show("rsync, tar | pigz, gpg", script);
show("holdfast: tar | zstd | gpg", ours);
const ratio =
  median(ours.map(({ seconds }) => seconds)) / median(script.map(({ seconds }) => seconds));
console.log(`  ratio ${ratio.toFixed(3)} (bar 0.35)`);
rmSync(folder, { recursive: true });
