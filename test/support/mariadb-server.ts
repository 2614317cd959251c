// Knows: how a test gets a MariaDB server of its own. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, startService } from "./service.ts";

const execute = promisify(execFile);
const program = "/usr/sbin/mariadbd";

/** What it needs, for `withoutTools`. */
export const mariadbTools = [program, "mariadb-install-db", "mariadb", "mariadb-dump"] as const;

/** A MariaDB server on loopback and on a socket. Its `root` has no password and comes over the socket only. */
export interface MariadbServer extends AsyncDisposable {
  readonly socket: string;
  readonly port: number;
  readonly host: "127.0.0.1";
  /** Runs statements as root, in a database if one is named, and returns what the client printed. */
  query(statements: string, database?: string): Promise<string>;
  /** Makes a database with utf8mb4 and a user of it, who may come from everywhere. */
  createDatabase(name: string, user: string, password: string): Promise<void>;
}

/** Starts one with fast settings. What it needs is in a temporary folder, which vanishes with it. */
export async function startMariadb(options: readonly string[] = []): Promise<MariadbServer> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-mariadb-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const user = process.getuid?.() === 0 ? "mysql" : userInfo().username;
  const data = join(directory, "data");
  await mkdir(data);
  await chmod(directory, 0o755);
  if (user === "mysql") {
    for (const folder of [directory, data]) await chown(folder, ...(await idsOf("mysql")));
  }
  const install = ["--no-defaults", `--user=${user}`, `--datadir=${data}`, "--skip-test-db"];
  // Each empties the folder of temporary tables of what it takes for its own: two must not share one.
  await execute("mariadb-install-db", [...install, "--auth-root-authentication-method=normal"], {
    env: { ...process.env, TMPDIR: directory },
  });
  const socket = join(directory, "s.sock");
  const port = await freePort();
  const service = await startService(
    [
      program,
      "--no-defaults",
      `--user=${user}`,
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--tmpdir=${directory}`,
      `--pid-file=${join(directory, "pid")}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      "--skip-name-resolve",
      "--transaction-isolation=READ-COMMITTED",
      "--event-scheduler=OFF",
      "--innodb-flush-log-at-trx-commit=0",
      "--skip-innodb-doublewrite",
      "--innodb-flush-method=nosync",
      "--skip-sync-frm",
      ...options,
    ],
    port,
  );
  stack.use(service);
  const held = stack.move();
  const query = async (statements: string, database?: string): Promise<string> => {
    const words = ["--no-defaults", `--socket=${socket}`, "--user=root", "--batch", "--raw"];
    const chosen = database === undefined ? [] : [`--database=${database}`];
    const characters = "--default-character-set=utf8mb4";
    const execution = execute("mariadb", [...words, ...chosen, characters, "--skip-column-names"], {
      maxBuffer: 256 * 1024 * 1024,
    });
    // Not as an argument: there may be passwords in it, which other tests look for in arguments.
    execution.child.stdin?.end(statements);
    return (await execution).stdout;
  };
  return {
    socket,
    port,
    host: "127.0.0.1",
    query,
    async createDatabase(name, owner, password) {
      const database = `\`${name.replaceAll("`", "``")}\``;
      await query(`
        CREATE DATABASE ${database} CHARACTER SET utf8mb4;
        CREATE USER IF NOT EXISTS '${owner}'@'%' IDENTIFIED BY '${password}';
        GRANT ALL ON ${database}.* TO '${owner}'@'%'`);
    },
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

/** The numbers of a user and its group. */
export async function idsOf(user: string): Promise<[number, number]> {
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (option) => Number((await execute("id", [option, user])).stdout)),
  );
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${user}`);
  return [uid, gid];
}
