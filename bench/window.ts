// How long a Nextcloud is in maintenance: beside the procedure of the Nextcloud backup script (dump and staging copy in maintenance),
// with 1 % of the files changed in between. Bars: the same for any number of files and any database; 0.1 of the script's window.
// Root, btrfs-progs, rsync and MariaDB are needed. Waiting for requests under way (`settle`) is left out of both.
//   node bench/window.ts [FILES,…] [MEGABYTES,…] [ROUNDS]
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localHost } from "../src/hosts/local.ts";
import { nextcloud as source } from "../src/sources/nextcloud/index.ts";
import { type CloudDatabase, newCloudDatabase } from "../test/support/cloud-database.ts";
import { newDisk } from "../test/support/disk.ts";
import { newNextcloud, type TestNextcloud } from "../test/support/nextcloud.ts";

const fileCounts = (process.argv[2] ?? "10000,100000").split(",").map(Number);
const sizes = (process.argv[3] ?? "10,1000").split(",").map(Number);
const rounds = Number(process.argv[4] ?? 3);
const { signal } = new AbortController();

function run(argv: readonly [string, ...string[]], stdout?: string): void {
  const [program, ...args] = argv;
  const file = stdout === undefined ? undefined : openSync(stdout, "w");
  const stdio = ["ignore", file ?? "ignore", "pipe"] as const;
  const { status, stderr } = spawnSync(program, args, { stdio: [...stdio], encoding: "utf8" });
  if (file !== undefined) closeSync(file);
  if (status !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function writeFiles(data: string, numbers: readonly number[], text: string): void {
  for (const number of numbers) {
    const folder = join(data, `alice/files/${Math.floor(number / 500)}`);
    if (number % 500 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${number}`), `${number} ${text}`.repeat(60));
  }
}

/** Rows of text that is not the same twice, as many as make up so many megabytes of SQL. */
async function fillDatabase(database: CloudDatabase, megabytes: number): Promise<void> {
  await database.query(`
    CREATE OR REPLACE TABLE oc_filecache (fileid BIGINT PRIMARY KEY, path VARCHAR(2000));
    INSERT INTO oc_filecache SELECT seq, REPEAT(MD5(seq), 31) FROM seq_1_to_${megabytes * 1000}`);
}

/** Our window, in seconds. */
async function ours({ data, config, occ }: TestNextcloud): Promise<number> {
  const spec = source.parse({
    nextcloud: { data, config, occ: [...occ], settle: "0s", capture: "snapshot" },
  });
  const prepared = await spec
    .open({
      host: localHost(),
      location: data,
      ledger: { promise: () => ({ settle() {} }) },
      secret: async () => await Promise.reject(new Error("no secret is needed")),
      newestSnapshot: async () => await Promise.resolve(undefined),
    })
    .prepare(signal);
  await prepared[Symbol.asyncDispose]();
  return prepared.evidence?.().maintenanceSeconds ?? Number.NaN;
}

/** What the script does in maintenance, in seconds. */
function theirs(cloud: TestNextcloud, { client = ["false"] }: CloudDatabase, to: string): number {
  const socket = client.find((word) => word.startsWith("--socket=")) ?? "";
  const started = performance.now();
  run([...cloud.occ, "maintenance:mode", "--on"]);
  const dump = ["mariadb-dump", "--no-defaults", socket, "--single-transaction", "--user=root"];
  run(["env", ...dump, "nextcloud"], join(to, "database_backup.bak"));
  run(["rsync", "-a", "--delete", cloud.data, to]);
  run([...cloud.occ, "maintenance:mode", "--off"]);
  return (performance.now() - started) / 1000;
}

async function measure(files: number, megabytes: number): Promise<void> {
  await using database = await newCloudDatabase("mariadb");
  if (database.settings === undefined) throw new Error("a database without settings");
  await using disk = await newDisk({ sizeMiB: 4096 + files / 10 + megabytes * 4 });
  const at = join(disk.path, "nc");
  const data = join(at, "data");
  const to = join(disk.path, "backup_tmp");
  for (const folder of [at, to]) mkdirSync(folder);
  run(["btrfs", "subvolume", "create", data]);
  const { settings } = database;
  const cloud = await newNextcloud({ at, data, database: settings, milliseconds: 180 });
  const numbers = Array.from({ length: files }, (_, index) => index);
  writeFiles(data, numbers, "at first");
  await fillDatabase(database, megabytes);
  theirs(cloud, database, to);
  const windows: { readonly ours: number; readonly theirs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const changed = numbers.filter((number) => number % 100 === round);
    writeFiles(data, changed, `round ${round}`);
    windows.push({ ours: await ours(cloud), theirs: theirs(cloud, database, to) });
  }
  const [our, their] = [
    median(windows.map((each) => each.ours)),
    median(windows.map((each) => each.theirs)),
  ];
  const figures = `${our.toFixed(2)} s against ${their.toFixed(2)} s, ratio ${(our / their).toFixed(3)}`;
  console.log(`${files} files, database of ${megabytes} MB: ${figures}`);
}

for (const megabytes of sizes) {
  for (const files of fileCounts) await measure(files, megabytes);
}
