// How well a first backup of a bucket uses a line with latency, beside `rclone copy` with as many transfers: whole
// programs against one store, which answers everything after 20 ms. Bar: 0.8 of what the latency allows, until a core is busy.
//   node bench/fetching.ts [PARALLEL…]       default: 1 2 4 8 16 32 64
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const latencyMs = 20;
const bytesOfObject = 4096;
const secondsIfIdeal = 8;
const mostObjects = 12_000;

/** A store as far as S3 is spoken here. The prefix asked for says how many objects there are: `400/`. */
function serve(): void {
  const server = createServer(({ url = "", method }, response) => {
    const { pathname, searchParams } = new URL(url, "http://store");
    const key = pathname.split("/").slice(2).join("/");
    const answer = (): void => {
      response.setHeader("Last-Modified", modified.toUTCString());
      if (key === "") return void response.end(page(searchParams));
      const body = content(key);
      response.setHeader("ETag", etagOf(body)).setHeader("Content-Length", body.length);
      response.end(method === "HEAD" ? undefined : body);
    };
    setTimeout(answer, latencyMs);
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object" && address !== null) console.log(address.port);
  });
}

const modified = new Date(0);

function content(key: string): Buffer {
  return Buffer.alloc(bytesOfObject, key);
}

function etagOf(body: Buffer): string {
  return `"${createHash("md5").update(body).digest("hex")}"`;
}

function page(asked: URLSearchParams): string {
  const prefix = asked.get("prefix") ?? "";
  const count = Number.parseInt(prefix, 10);
  const from = Number(asked.get("continuation-token") ?? "0");
  const until = Math.min(from + 1000, count);
  const object = (index: number): string => {
    const key = `${prefix}${String(index).padStart(6, "0")}`;
    const etag = etagOf(content(key));
    return `<Contents><Key>${key}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${etag}</ETag><Size>${bytesOfObject}</Size></Contents>`;
  };
  const contents = Array.from({ length: until - from }, (_, index) => object(from + index));
  const next = until === count ? "" : `<NextContinuationToken>${until}</NextContinuationToken>`;
  return `<ListBucketResult><IsTruncated>${until !== count}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`;
}

/** How long it takes, in seconds. */
function timed(file: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const options = { encoding: "utf8", env, timeout: 120_000 } as const;
  const { status, stdout, stderr } = spawnSync(file, args, options);
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${stdout}${stderr}`);
  return seconds;
}

const holdfast = join(import.meta.dirname, "..", "bin", "holdfast");

/** A first backup of so many objects. */
function backUp(endpoint: string, { count, parallel }: Round): number {
  const home = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const folder = join(home, "config", "holdfast");
    mkdirSync(folder, { recursive: true });
    const keys = { "access-key": "any", "secret-key": "any" };
    const configuration = {
      version: 1,
      repositories: { trees: { engine: "objects", at: join(home, "trees"), parallel } },
      jobs: {
        bucket: {
          sources: [{ s3: { bucket: "files", endpoint, prefix: `${count}/`, ...keys } }],
          repository: "trees",
        },
      },
    };
    writeFileSync(join(folder, "holdfast.yaml"), JSON.stringify(configuration), { mode: 0o600 });
    const env = {
      PATH: process.env["PATH"],
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_STATE_HOME: join(home, "state"),
    };
    timed(holdfast, ["init", "--quiet"], env);
    const seconds = timed(holdfast, ["run", "--quiet"], env);
    assertHolds(join(home, "trees", "snapshots"), count);
    return seconds;
  } finally {
    rmSync(home, { recursive: true });
  }
}

/** The same objects into a folder. */
function copyWithRclone(endpoint: string, { count, parallel }: Round): number {
  const home = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const env = {
      PATH: process.env["PATH"],
      HOME: home,
      RCLONE_CONFIG: "",
      RCLONE_CONFIG_STORE_TYPE: "s3",
      RCLONE_CONFIG_STORE_PROVIDER: "Other",
      RCLONE_CONFIG_STORE_ENDPOINT: endpoint,
      RCLONE_CONFIG_STORE_ACCESS_KEY_ID: "any",
      RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: "any",
      RCLONE_CONFIG_STORE_FORCE_PATH_STYLE: "true",
      RCLONE_CONFIG_STORE_LIST_VERSION: "2",
    };
    const words = ["copy", `store:files/${count}/`, join(home, "copy"), "--fast-list"];
    // Without this it asks for each object's own time first.
    words.push("--use-server-modtime", "--s3-no-check-bucket");
    const seconds = timed("rclone", [...words, `--transfers=${parallel}`], env);
    assertHolds(join(home, "copy"), count);
    return seconds;
  } finally {
    rmSync(home, { recursive: true });
  }
}

function assertHolds(folder: string, count: number): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).length;
  if (files !== count) throw new Error(`${folder} holds ${files} files, not ${count}`);
}

interface Round {
  readonly count: number;
  readonly parallel: number;
}

async function measure(wanted: readonly number[]): Promise<void> {
  const server = spawn(process.execPath, [import.meta.filename, "--serve"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = await once(server.stdout.setEncoding("utf8"), "data");
    const endpoint = `http://127.0.0.1:${String(line).trim()}`;
    const hasRclone = spawnSync("rclone", ["version"]).status === 0;
    for (const parallel of wanted) {
      const ideal = (parallel * 1000) / latencyMs;
      const round = { parallel, count: Math.min(mostObjects, ideal * secondsIfIdeal) };
      const rate = (seconds: number): string => {
        const each = round.count / seconds;
        return `${each.toFixed(0)} objects a second, ${(each / ideal).toFixed(2)} of what ${latencyMs} ms allow`;
      };
      console.log(`${parallel} at once: holdfast ${rate(backUp(endpoint, round))}`);
      if (!hasRclone) continue;
      console.log(`${parallel} at once: rclone ${rate(copyWithRclone(endpoint, round))}`);
    }
  } finally {
    server.kill();
  }
}

const words = process.argv.slice(2);
if (words[0] === "--serve") serve();
else await measure(words.length === 0 ? [1, 2, 4, 8, 16, 32, 64] : words.map(Number));
