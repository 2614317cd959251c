// Knows: how a test gets a PostgreSQL server of its own. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { idsOf } from "./mariadb-server.ts";
import { freePort, startService } from "./service.ts";

const execute = promisify(execFile);

// Debian keeps the server's programs of each version apart.
const versions = "/usr/lib/postgresql";
const newest = existsSync(versions)
  ? readdirSync(versions)
      .toSorted((one, other) => Number(one) - Number(other))
      .at(-1)
  : undefined;
const folder = `${versions}/${newest ?? "15"}/bin`;

/** What it needs, for `withoutTools`. */
export const postgresqlTools = [`${folder}/initdb`, `${folder}/postgres`, "psql", "pg_dump"];

/** A PostgreSQL server on loopback and on a socket. Its `postgres` needs a password on loopback only. */
export interface PostgresqlServer extends AsyncDisposable {
  /** The folder of its socket. */
  readonly socket: string;
  readonly port: number;
  readonly host: "127.0.0.1";
  /** Runs statements as postgres, and returns what psql printed. */
  query(statements: string, database?: string): Promise<string>;
  /** Makes a database and the user that owns it. */
  createDatabase(name: string, user: string, password: string): Promise<void>;
}

/** Starts one with fast settings. What it needs is in a temporary folder, which vanishes with it. */
export async function startPostgresql(options: readonly string[] = []): Promise<PostgresqlServer> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-postgresql-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(directory, ...(await idsOf("postgres")));
  // A server refuses to run as root.
  const as = isRoot
    ? (["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] as const)
    : (["env"] as const);
  const [first, ...words] = as;
  const data = join(directory, "data");
  const making = [`${folder}/initdb`, "-D", data, "-U", "postgres", "--no-sync"];
  const access = ["--auth-local=trust", "--auth-host=scram-sha-256"];
  const locale = ["--locale=C.UTF-8", "-E", "UTF8"];
  await execute(first, [...words, ...making, ...access, ...locale], { cwd: "/" });
  const port = await freePort();
  const settings = [
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${directory}`,
    "fsync=off",
    "full_page_writes=off",
    "max_connections=30",
    ...options,
  ].flatMap((setting) => ["-c", setting]);
  const argv = [first, ...words, `${folder}/postgres`, "-D", data, "-p", String(port)] as const;
  const service = stack.use(await startService([...argv, ...settings], port));
  // It waits for its clients when it is asked by SIGTERM.
  stack.defer(() => void service.child.kill("SIGINT"));
  const held = stack.move();
  const query = async (statements: string, database = "postgres"): Promise<string> => {
    const way = ["-h", directory, "-p", String(port), "-U", "postgres", "-d", database];
    const how = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
    const asked = execute("psql", [...way, ...how], { maxBuffer: 256 * 1024 * 1024 });
    // Not as an argument: there may be passwords in it, which other tests look for in arguments.
    asked.child.stdin?.end(statements);
    return (await asked).stdout;
  };
  await answers(query);
  return {
    socket: directory,
    port,
    host: "127.0.0.1",
    query,
    async createDatabase(name, owner, password) {
      const database = `"${name.replaceAll('"', '""')}"`;
      await query(`DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${owner}') THEN
          CREATE ROLE "${owner}" LOGIN PASSWORD '${password}';
        END IF; END $$`);
      await query(`CREATE DATABASE ${database} OWNER "${owner}"`);
    },
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

/** It listens before it answers. */
async function answers(query: (statements: string) => Promise<string>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await query("SELECT 1");
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }
}
