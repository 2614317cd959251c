// Knows: what PHP says when the database of a Nextcloud does not answer. Must not know: what is in it.
import { once } from "node:events";
import { connect, type NetConnectOpts } from "node:net";
import { readDatabaseHost } from "../../src/nextcloud/database-host.ts";

/** Why there is no connection, in the words of the real one; undefined when something listens there. */
export async function databaseTrouble(
  config: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const type = config["dbtype"];
  if (type !== "mysql" && type !== "pgsql") return undefined;
  const kind = type === "mysql" ? "mariadb" : "postgresql";
  const dbhost = config["dbhost"];
  const where = readDatabaseHost(kind, typeof dbhost === "string" ? dbhost : "");
  const reason = await refusal(target(kind, where));
  if (reason === undefined) return undefined;
  const failed = "Doctrine\\DBAL\\Exception: Failed to connect to the database: ";
  const driver = "An exception occurred in the driver: ";
  const place = " in /srv/nextcloud/app/lib/private/DB/Connection.php:167";
  if (kind === "mariadb") return `${failed}${driver}SQLSTATE[HY000] [2002] ${reason}${place}`;
  const { host = "127.0.0.1", port = 5432 } = where;
  return `${failed}${driver}SQLSTATE[08006] [7] connection to server at "${host}", port ${port} failed: ${reason}\n\tIs the server running on that host and accepting TCP/IP connections?${place}`;
}

type Where = ReturnType<typeof readDatabaseHost>;

function target(kind: "mariadb" | "postgresql", { host, port, socket }: Where): NetConnectOpts {
  if (kind === "mariadb") {
    if (socket !== undefined) return { path: socket };
    if (host === undefined || host === "localhost") return { path: "/run/mysqld/mysqld.sock" };
    return { host, port: port ?? 3306 };
  }
  if (host !== undefined) return { host, port: port ?? 5432 };
  return { path: `${socket ?? "/run/postgresql"}/.s.PGSQL.${port ?? 5432}` };
}

async function refusal(options: NetConnectOpts): Promise<string | undefined> {
  const socket = connect(options);
  try {
    await once(socket, "connect");
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    return code === "ENOENT" ? "No such file or directory" : "Connection refused";
  } finally {
    socket.destroy();
  }
}
