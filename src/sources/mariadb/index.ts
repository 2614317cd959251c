// Knows: what a database of MariaDB is called in a configuration. Must not know: how it is dumped.
import * as z from "zod";
import { ServerOptions, serverSource } from "../server-database.ts";

/** A database of MariaDB: how it is reached, parsed into something that can be opened. */
export const mariadb = z
  .strictObject({
    mariadb: ServerOptions.meta({
      description:
        "A database of MariaDB, as a dump of one moment that its own tools make and restore.",
    }),
  })
  .transform(({ mariadb: options }) => serverSource("mariadb", options));
