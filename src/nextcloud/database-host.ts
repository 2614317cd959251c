// Knows: how Nextcloud reads its `dbhost`. Must not know: whether anything answers there.

/** Where a database server is, in the words of its own tools. Empty: where the tool looks by itself. */
export interface DatabaseHost {
  readonly host?: string;
  readonly port?: number;
  /** For PostgreSQL the folder of a socket. */
  readonly socket?: string;
}

/**
 * What PHP makes of a `dbhost`, as it was seen with Nextcloud 29 (see the fixtures): a number after the last
 * colon is a port, anything else a socket. `dbport` is never read.
 */
export function readDatabaseHost(kind: "mariadb" | "postgresql", dbhost: string): DatabaseHost {
  const [, before = dbhost, after = ""] = /^(.*):([^\]:]+)$/.exec(dbhost) ?? [];
  const port = /^\d+$/.test(after) ? Number(after) : undefined;
  return kind === "mariadb"
    ? mariadbHost(before, port, after)
    : postgresqlHost(before, port === undefined ? {} : { port });
}

function mariadbHost(before: string, port: number | undefined, after: string): DatabaseHost {
  if (before === "" || before === "localhost") {
    // Always a socket: a port would make the client use TCP, which Nextcloud does not.
    return port === undefined && after !== "" ? { socket: after } : { host: "localhost" };
  }
  // With a host that is not localhost the socket is passed over.
  const host = before.replace(/^\[(.*)\]$/, "$1");
  return port === undefined ? { host } : { host, port };
}

/** What is no number after the colon is passed over. */
function postgresqlHost(before: string, port: Pick<DatabaseHost, "port">): DatabaseHost {
  if (before === "") return port;
  return before.startsWith("/") ? { socket: before, ...port } : { host: before, ...port };
}
