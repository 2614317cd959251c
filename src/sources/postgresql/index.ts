// Knows: what a database of PostgreSQL is called in a configuration. Must not know: how it is dumped.
import * as z from "zod";
import { ServerOptions, serverSource } from "../server-database.ts";

/** A database of PostgreSQL: how it is reached, parsed into something that can be opened. */
export const postgresql = z
  .strictObject({
    postgresql: ServerOptions.meta({
      description:
        "A database of PostgreSQL, as a dump of one moment that its own tools make and restore.",
    }),
  })
  .transform(({ postgresql: options }) => serverSource("postgresql", options));
