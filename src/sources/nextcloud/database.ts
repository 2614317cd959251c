// Knows: which database is dumped: what Nextcloud says, and what the configuration says instead. Must not know: how it is dumped.
import { posix } from "node:path";
import type { DatabaseSettings, ServerSettings } from "../../databases/database.ts";
import type { Secret } from "../../kernel/secret.ts";
import type { Instance } from "../../nextcloud/instance.ts";
import type { Options } from "./options.ts";

/** What Nextcloud says of its database, but for what the configuration says. */
export function merged(
  database: DatabaseSettings,
  said: Options["database"],
  password: Secret | undefined,
): DatabaseSettings {
  if (database.kind === "sqlite") return database;
  const { host, port, socket, name, user } = said;
  // Where it listens is one thing: a port that is written here does not belong to a socket of config.php.
  const isElsewhere = host !== undefined || port !== undefined || socket !== undefined;
  const { host: _host, port: _port, socket: _socket, ...others } = database;
  const changes: Partial<ServerSettings> = {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(socket === undefined ? {} : { socket }),
    ...(name === undefined ? {} : { name }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
  };
  return { ...(isElsewhere ? others : database), ...changes };
}

/**
 * The database, as its tools reach it. A file of SQLite in the data directory is looked for where that is on
 * this machine, which need not be where Nextcloud sees it.
 */
export function reachable(
  { database, dataDirectory }: Pick<Instance, "database" | "dataDirectory">,
  { through }: Options["database"],
  data: string,
): DatabaseSettings {
  if (database.kind !== "sqlite" || through.length > 0) return database;
  const inside = posix.relative(dataDirectory, database.file);
  const isInside = inside !== "" && inside !== ".." && !inside.startsWith("../");
  return isInside ? { kind: "sqlite", file: posix.join(data, inside) } : database;
}
