// Knows: that a database of MariaDB can be a source by itself. Must not know: how it is dumped.
import * as z from "zod";
import {
  fileName,
  folderOf,
  placeIn,
  refuseTwoWays,
  serverShape,
  settingsOf,
} from "../database-options.ts";
import { openDatabaseSource } from "../database-source.ts";
import type { Source, SourceAccess, SourceSpec } from "../source.ts";

const Options = z.strictObject(serverShape).superRefine(refuseTwoWays);
type Options = z.output<typeof Options>;

/** A database of MariaDB: how it is reached, parsed into something that can be opened. */
export const mariadb = z
  .strictObject({
    mariadb: Options.meta({
      description:
        "A database of MariaDB, as a dump of one moment that its own tools make and restore.",
    }),
  })
  .transform(({ mariadb: options }): SourceSpec => ({
    kind: "paths",
    label: labelOf(options),
    at: placeIn(options.staging, folderOf("mariadb", options)),
    application: true,
    open: (access) => openMariadb(options, access),
  }));

function labelOf({ name }: Options): string {
  return `mariadb ${name}`;
}

function openMariadb(options: Options, access: SourceAccess): Source {
  const { name, password, through, compress } = options;
  return openDatabaseSource(
    {
      label: labelOf(options),
      through,
      compress,
      staging: access.location,
      file: (kind) => fileName(name, ".sql", kind),
      settings: async (signal) => ({
        kind: "mariadb",
        ...settingsOf(options),
        ...(password === undefined ? {} : { password: await access.secret(password, signal) }),
      }),
      // Whether it answers is seen when it is dumped: to ask takes as long as many a dump.
      observe: async () => ({ kind: "ready", empty: false }),
    },
    access,
  );
}
