// Knows: how a test gets a Nextcloud whose files are in S3, as a real one left it. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import * as z from "zod";
import type { DatabaseSettings } from "../../src/databases/database.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { mariadbTools, startMariadb } from "./mariadb-server.ts";
import { nextcloudFixtures } from "./nextcloud.ts";
import { configText } from "./nextcloud-config.ts";
import { postgresqlTools, startPostgresql } from "./postgresql-server.ts";
import { s3ServerTools, type S3Server } from "./s3-server.ts";

const execute = promisify(execFile);

/** What it needs, for `withoutTools`. */
export const nextcloudInS3Tools = [
  ...s3ServerTools,
  ...mariadbTools,
  ...postgresqlTools,
  "tar",
  "zstd",
  "gunzip",
] as const;

const Content = z.object({
  path: z.string(),
  type: z.enum(["file", "dir"]),
  size: z.number().optional(),
  sha1: z.string().optional(),
  mtime: z.number().optional(),
  fileid: z.number(),
});
const Stored = z.object({
  storedPath: z.string(),
  type: z.enum(["file", "dir"]).optional(),
  size: z.number().optional(),
  sha1: z.string().optional(),
});
const Expected = z.object({
  users: z.record(
    z.string(),
    z.object({
      files: z.array(Content),
      filesThatWebDavCannotReach: z.array(Content).default([]),
      versions: z.array(Stored),
      trash: z.array(Stored),
      trashVersions: z.array(Stored),
      unfinishedUploads: z.array(Stored),
    }),
  ),
  anomalies: z.array(
    z.object({
      kind: z.string(),
      user: z.string().optional(),
      path: z.string().optional(),
      key: z.string().optional(),
      fileid: z.number().optional(),
      rowSize: z.number().optional(),
      rowSha1: z.string().optional(),
      objectSize: z.number().optional(),
      objectSha1: z.string().optional(),
    }),
  ),
});
export type Expected = z.output<typeof Expected>;

const Listed = z.array(z.object({ key: z.string(), size: z.number(), etag: z.string() }));

/** One of the two that were captured. */
export type FixtureInS3 = "s3-mariadb" | "s3-postgresql";

/** Its database on a server of its own, and its objects in a bucket of a gateway. */
export interface NextcloudInS3 extends AsyncDisposable {
  /** A folder with a config.php that leads to both, through this address of the gateway. */
  config(endpoint: string): Promise<string>;
  readonly bucket: string;
  readonly expected: Expected;
  /** The dump that it was made from, packed. */
  readonly dump: string;
  readonly database: DatabaseSettings;
  query(statements: string): Promise<string>;
}

/** Loads one. Takes some seconds; the gateway is the test's. */
export async function loadNextcloudInS3(
  fixture: FixtureInS3,
  s3: S3Server,
): Promise<NextcloudInS3> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-nextcloud-s3-"));
  stack.defer(async () => await rm(folder, { recursive: true, force: true }));
  const from = join(nextcloudFixtures, fixture);
  const expected = Expected.parse(JSON.parse(await readFile(join(from, "expected.json"), "utf8")));
  const dump = join(from, "database.sql.gz");
  const server = await loadDatabase(fixture, { dump, folder }, stack);
  const bucket = fixture;
  await putObjects(s3, { from, folder, bucket });
  const kept = stack.move();
  return {
    bucket,
    expected,
    dump,
    ...server,
    async config(endpoint) {
      const config = join(folder, "config");
      await mkdir(config, { recursive: true });
      const text = configText(configOf(server.database, { bucket, endpoint, s3 }));
      await writeFile(join(config, "config.php"), text, { mode: 0o640 });
      return config;
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

async function loadDatabase(
  fixture: FixtureInS3,
  { dump, folder }: { readonly dump: string; readonly folder: string },
  stack: AsyncDisposableStack,
): Promise<Pick<NextcloudInS3, "database" | "query">> {
  const [name, user, password] = ["nc_s3", "nc_s3", "not-the-real-password"] as const;
  const text = join(folder, "database.sql");
  await execute("sh", ["-c", 'gunzip <"$1" >"$2"', "sh", dump, text]);
  const credentials = { name, user, password: new Secret(password) };
  if (fixture === "s3-mariadb") {
    const server = stack.use(await startMariadb());
    await server.createDatabase(name, user, password);
    await execute("sh", [
      "-c",
      'exec mariadb --no-defaults --socket="$1" --user=root --default-character-set=utf8mb4 "$2" <"$3"',
      "sh",
      server.socket,
      name,
      text,
    ]);
    return {
      database: { kind: "mariadb", ...credentials, socket: server.socket },
      query: async (statements) => await server.query(statements, name),
    };
  }
  const server = stack.use(await startPostgresql());
  await server.createDatabase(name, user, password);
  const way = ["-h", server.host, "-p", String(server.port), "-U", user, "-d", name];
  await execute("psql", [...way, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", text], {
    env: { ...process.env, PGPASSWORD: password },
  });
  return {
    database: { kind: "postgresql", ...credentials, host: server.host, port: server.port },
    query: async (statements) => await server.query(statements, name),
  };
}

// What is asked of a Nextcloud's database, by table.
const tables = {
  oc_storages: "numeric_id id available",
  oc_mounts: "id storage_id root_id user_id mount_point",
  oc_mimetypes: "id mimetype",
  oc_filecache:
    "fileid storage path path_hash parent name mimetype mimepart size mtime storage_mtime encrypted unencrypted_size etag permissions checksum",
} as const;

const Rows = z.array(z.array(z.union([z.string(), z.number(), z.null()])));

/** The same rows of a MariaDB in the tables that a real Nextcloud made in SQLite. */
export async function copyToSqlite(nextcloud: NextcloudInS3, file: string): Promise<void> {
  const made = join(nextcloudFixtures, "local", "owncloud.db.gz");
  await execute("sh", ["-c", 'gunzip <"$1" >"$2"', "sh", made, file]);
  using database = new DatabaseSync(file);
  database.exec("BEGIN");
  for (const [table, names] of Object.entries(tables)) {
    const columns = names.split(" ");
    // As digits: its client writes line breaks and backslashes in a way of its own.
    const hex = await nextcloud.query(
      `SET SESSION group_concat_max_len = 1000000000; SELECT HEX(JSON_ARRAYAGG(JSON_ARRAY(${columns.join(", ")}))) FROM ${table}`,
    );
    const rows = Rows.parse(JSON.parse(Buffer.from(hex.trim(), "hex").toString()));
    database.exec(`DELETE FROM ${table}`);
    const values = columns.map(() => "?").join(", ");
    const insert = database.prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${values})`,
    );
    for (const row of rows) insert.run(...row);
  }
  database.exec("COMMIT");
}

/** As config.php would have it. */
function configOf(
  database: DatabaseSettings,
  {
    bucket,
    endpoint,
    s3,
  }: { readonly bucket: string; readonly endpoint: string; readonly s3: S3Server },
): Readonly<Record<string, unknown>> {
  if (database.kind === "sqlite") throw new Error("neither fixture is in SQLite");
  const { hostname, port } = new URL(endpoint);
  const { host = "localhost", port: databasePort, socket } = database;
  const end = socket ?? databasePort;
  return {
    instanceid: "ocfixture",
    datadirectory: "/srv/nextcloud/data",
    dbtype: database.kind === "mariadb" ? "mysql" : "pgsql",
    dbname: database.name,
    dbhost: end === undefined ? host : `${host}:${end}`,
    dbuser: database.user,
    dbpassword: database.password?.reveal(),
    dbtableprefix: "oc_",
    version: "29.0.6.1",
    objectstore: {
      class: String.raw`\OC\Files\ObjectStore\S3`,
      arguments: {
        bucket,
        key: s3.accessKey,
        secret: s3.secretKey,
        hostname,
        port: Number(port),
        use_ssl: false,
        region: "us-east-1",
        use_path_style: true,
      },
    },
  };
}

/** A client of the gateway, for what the program itself never does. */
export function clientOf({ address, accessKey, secretKey }: S3Server): S3Client {
  return new S3Client({
    endpoint: address,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

async function putObjects(
  s3: S3Server,
  {
    from,
    folder,
    bucket,
  }: { readonly from: string; readonly folder: string; readonly bucket: string },
): Promise<void> {
  await execute("sh", [
    "-c",
    'zstd -dcq -- "$1" | tar -x -C "$2"',
    "sh",
    join(from, "objects.tar.zst"),
    folder,
  ]);
  const listed = Listed.parse(JSON.parse(await readFile(join(from, "objects.json"), "utf8")));
  const inParts = new Set(listed.filter(({ etag }) => etag.includes("-")).map(({ key }) => key));
  const client = clientOf(s3);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const names = await readdir(join(folder, "objects"));
  const atOnce = 8;
  for (let at = 0; at < names.length; at += atOnce) {
    await Promise.all(
      names.slice(at, at + atOnce).map(async (name) => {
        const Key = decodeURIComponent(name);
        const Body = await readFile(join(folder, "objects", name));
        if (inParts.has(Key)) await putInParts(client, { Bucket: bucket, Key }, Body);
        else await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
      }),
    );
  }
  client.destroy();
}

const partSize = 5 * 1024 * 1024;

async function putInParts(
  client: S3Client,
  target: { readonly Bucket: string; readonly Key: string },
  bytes: Buffer,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const parts: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
  // An upload of nothing has one part.
  for (let at = 0; at === 0 || at < bytes.length; at += partSize) {
    const PartNumber = parts.length + 1;
    const Body = bytes.subarray(at, at + partSize);
    const { ETag } = await client.send(
      new UploadPartCommand({ ...target, UploadId, PartNumber, Body }),
    );
    parts.push({ PartNumber, ETag });
  }
  const MultipartUpload = { Parts: parts };
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
}
