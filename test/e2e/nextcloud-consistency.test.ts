// Users add, change and remove files and their rows hundreds of times a second, except in maintenance. In every backup each row has its file with the right bytes, and each file its row.
// HOLDFAST_ROUNDS: how many backups of each kind (default 1).
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { suite, test, type TestContext } from "node:test";
import type { Capture } from "../../src/sources/nextcloud/options.ts";
import { type DatabaseKind, databaseTools } from "../support/cloud-database.ts";
import {
  CloudUser,
  type CloudSetup,
  type Ground,
  type RestoredCloud,
} from "../support/cloud-user.ts";
import {
  loadQuery,
  loadTable,
  type WriterOptions,
  type WriterReport,
} from "../support/cloud-writer.ts";
import { withoutDisks } from "../support/disk.ts";
import { withoutTools } from "../support/tools.ts";

const rounds = Number(process.env["HOLDFAST_ROUNDS"] ?? 1);
// What a user had begun when maintenance was switched on may take so long.
const settleMs = 1000;

interface Scene extends CloudSetup {
  readonly ground: Ground;
  readonly database: DatabaseKind;
  readonly capture: Capture;
}

const scenes: readonly Scene[] = [
  { ground: "subvolume", capture: "snapshot", database: "mariadb", engine: "tar" },
  { ground: "btrfs", capture: "snapshot", database: "postgresql", engine: "restic" },
  { ground: "xfs", capture: "reflink", database: "mariadb", engine: "restic" },
  { ground: "plain", capture: "staged", database: "mariadb", engine: "tar" },
  { ground: "plain", capture: "staged", database: "sqlite", engine: "rsync" },
  { ground: "plain", capture: "direct", database: "mariadb", engine: "rsync" },
];

function withoutMeans({ ground, database }: Scene): string | false {
  const tools = withoutTools("rsync", "restic", "tar", ...databaseTools[database]);
  if (tools || ground === "plain") return tools;
  return withoutDisks(ground === "xfs" ? "xfs" : "btrfs");
}

suite("a Nextcloud in use", () => {
  for (const scene of scenes) {
    const { capture, database, engine } = scene;
    const title = `is backed up as of one moment: ${capture}, ${database}, ${engine}`;
    test(title, { skip: withoutMeans(scene) }, async (t) => {
      const source = { capture, settle: `${settleMs}ms` };
      await using cloud = await CloudUser.make({ ...scene, sizeMiB: 1024, source });
      const { data } = cloud.nextcloud;
      const file = join(data, "owncloud.db");
      await cloud.database.query(loadTable, file);

      for (let round = 0; round < rounds; round += 1) await backUpUnderLoad(t, cloud, file);

      await cloud.assertTidy(capture === "staged" ? ["data", "extra"] : []);
    });
  }
});

/** One backup while users are at work, and what is in it. */
async function backUpUnderLoad(t: TestContext, cloud: CloudUser, file: string): Promise<void> {
  const { client } = cloud.database;
  await cloud.database.query("DELETE FROM oc_load", file);
  const folder = join(cloud.nextcloud.data, `load/files/${Date.now()}`);
  const { config } = cloud.nextcloud;
  const base = { config, folder, slowMs: settleMs / 2 };
  await using writer = await startWriter({
    ...base,
    ...(client === undefined ? { file } : { client }),
  });

  const { end, stderr } = await cloud.backup();

  const report = await writer.stop();
  const seconds = end?.evidence?.maintenanceSeconds;
  t.diagnostic(`${report.done} changes, ${seconds} s, slow: ${report.slow.length}`);
  // A table that was emptied in between makes it suspicious.
  assert.match(end?.outcome ?? stderr, /^(success|warning)$/);
  assert.ok(report.waited > 0, "it was in maintenance");
  await assertConsistent(await cloud.restored(), { cloud, folder, slow: report.slow });
  await rm(folder, { recursive: true });
}

async function startWriter(options: WriterOptions) {
  const program = join(import.meta.dirname, "../support/cloud-writer.ts");
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", program, JSON.stringify(options)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  await once(child.stdout, "readable");
  return {
    [Symbol.asyncDispose]: async () => await ended(child),
    async stop(): Promise<WriterReport> {
      child.stdin.end();
      const said = await text(child.stdout);
      const report: WriterReport = JSON.parse(said.slice("ready\n".length));
      return report;
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.stdin?.end();
  await once(child, "exit");
}

async function assertConsistent(
  restored: RestoredCloud,
  of: { readonly cloud: CloudUser; readonly folder: string; readonly slow: readonly string[] },
): Promise<void> {
  const { cloud, folder, slow } = of;
  const lines = await cloud.database.queryDump(restored.dump, loadQuery);
  const rows = new Map(
    lines
      .trimEnd()
      .split("\n")
      .map((line) => pair(line.split("\t"))),
  );
  const files = await hashesIn(join(restored.data, folder.slice(cloud.nextcloud.data.length)));
  // What was in the middle of a change when maintenance had settled is what Nextcloud itself loses sight of.
  for (const path of slow) {
    rows.delete(path);
    files.delete(path);
  }
  assert.ok(rows.size > 20, `only ${rows.size} rows`);
  assert.deepEqual(Object.fromEntries(files), Object.fromEntries(rows));
}

function pair([path = "", sha1 = ""]: readonly string[]): readonly [string, string] {
  return [path, sha1.trim()];
}

async function hashesIn(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const hashes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const file = join(entry.parentPath, entry.name);
      const sha1 = createHash("sha1")
        .update(await readFile(file))
        .digest("hex");
      return [file.slice(folder.length + 1), sha1] as const;
    });
  return new Map(await Promise.all(hashes));
}
