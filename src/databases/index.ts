// Knows: which kinds of database there are. Must not know: anything about them.
import type { Database, DatabaseAccess, DatabaseSettings } from "./database.ts";
import { Mariadb } from "./mariadb/index.ts";
import { Postgresql } from "./postgresql/index.ts";
import { Sqlite } from "./sqlite/index.ts";

/** Opens a database. Nothing is started yet. */
export function openDatabase(settings: DatabaseSettings, access: DatabaseAccess): Database {
  switch (settings.kind) {
    case "mariadb":
      return new Mariadb(settings, access);
    case "postgresql":
      return new Postgresql(settings, access);
    case "sqlite":
      return new Sqlite(settings.file, access);
  }
}
