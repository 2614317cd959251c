// Knows: how users keep a Nextcloud busy: files and their rows come, change and go, except in maintenance. Must not know: that it is backed up.
//
// Started as `node cloud-writer.ts JSON`; ends when its input does, and then says what it did.
import { createHash, randomBytes } from "node:crypto";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

/** What it is told. */
export interface WriterOptions {
  /** The folder of config.php. */
  readonly config: string;
  /** Where its files go. */
  readonly folder: string;
  /** The client of a database, or a file of SQLite. */
  readonly client?: readonly [string, ...string[]];
  readonly file?: string;
  /** What takes longer may still be under way when maintenance has settled: it is named. Milliseconds. */
  readonly slowMs: number;
}

/** What it says in the end. */
export interface WriterReport {
  readonly done: number;
  /** How often it waited for the end of maintenance. */
  readonly waited: number;
  /** Files whose change took so long that it may have been seen in its middle. */
  readonly slow: readonly string[];
}

/** A table of files, one row each. */
export const loadTable = "CREATE TABLE oc_load (path VARCHAR(100) PRIMARY KEY, sha1 CHAR(40))";
/** Its rows, as they are asked for. */
export const loadQuery = "SELECT path, sha1 FROM oc_load ORDER BY path";

type Execute = (statement: string) => Promise<void>;

const mostFiles = 600;
// Until there are so many, few go: what is backed up has to be worth comparing.
const fewFiles = 100;

async function main(): Promise<void> {
  const options: WriterOptions = JSON.parse(process.argv[2] ?? "");
  await using database = open(options);
  mkdirSync(options.folder, { recursive: true });
  const over = new AbortController();
  process.stdin.on("end", () => over.abort()).resume();
  const report = { done: 0, waited: 0, slow: new Array<string>() };
  const there: string[] = [];
  process.stdout.write("ready\n");
  for (let number = 0; !over.signal.aborted; number += 1) {
    // From before it looks: what stalls in between may be late as well.
    const began = performance.now();
    if (isInMaintenance(options.config)) {
      report.waited += 1;
      await sleep(5);
      continue;
    }
    const path = await change({ ...options, there, number }, database.execute);
    if (performance.now() - began > options.slowMs) report.slow.push(path);
    report.done += 1;
    await sleep(1);
  }
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

interface Change {
  readonly folder: string;
  readonly there: string[];
  readonly number: number;
}

/** In the order in which Nextcloud does it: what is new is a file first, what goes is a row first. */
async function change({ folder, there, number }: Change, execute: Execute): Promise<string> {
  const dice = Math.random();
  const chosen = Math.floor(Math.random() * there.length);
  const old = there[chosen];
  const goes = dice < (there.length < fewFiles ? 0.1 : 0.3);
  if (old !== undefined && (there.length > mostFiles || goes)) {
    there.splice(chosen, 1);
    await execute(`DELETE FROM oc_load WHERE path = '${old}'`);
    rmSync(join(folder, old));
    return old;
  }
  const content = randomBytes(1 + Math.floor(Math.random() * 4000));
  const sha1 = createHash("sha1").update(content).digest("hex");
  if (old !== undefined && dice < 0.6) {
    put(folder, old, content);
    await execute(`UPDATE oc_load SET sha1 = '${sha1}' WHERE path = '${old}'`);
    return old;
  }
  const path = `${number % 7}/${number}`;
  put(folder, path, content);
  await execute(`INSERT INTO oc_load VALUES ('${path}', '${sha1}')`);
  there.push(path);
  return path;
}

/** As Nextcloud does: under another name first. */
function put(folder: string, path: string, content: Uint8Array): void {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(`${file}.part`, content);
  renameSync(`${file}.part`, file);
}

/** As the next request would find it. */
function isInMaintenance(config: string): boolean {
  return readdirSync(config)
    .filter((name) => name.endsWith("config.php") && !name.startsWith("."))
    .some((name) => /'maintenance' => true/.test(read(join(config, name))));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has just been taken away.
    return "";
  }
}

function open({ client, file = "" }: WriterOptions): AsyncDisposable & { execute: Execute } {
  if (client === undefined) return openSqlite(file);
  const [program, ...words] = client;
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async execute(statement) {
      child.stdin.write(`${statement};\nSELECT 'done';\n`);
      const { value } = await answers.next();
      if (value !== "done") throw new Error(`the client said ${String(value)}`);
    },
    [Symbol.asyncDispose]: async () => await ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  await new Promise((resolve) => child.once("close", resolve));
}

function openSqlite(file: string): AsyncDisposable & { execute: Execute } {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA busy_timeout = 20000; PRAGMA synchronous = OFF");
  return {
    execute: async (statement) => database.exec(statement),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

if (import.meta.main) await main();
