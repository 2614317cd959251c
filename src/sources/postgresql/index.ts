// Knows: that a database of PostgreSQL can be a source by itself. Must not know: how it is dumped.
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

/** A database of PostgreSQL: how it is reached, parsed into something that can be opened. */
export const postgresql = z
  .strictObject({
    postgresql: Options.meta({
      description:
        "A database of PostgreSQL, as a dump of one moment that its own tools make and restore.",
    }),
  })
  .transform(({ postgresql: options }): SourceSpec => ({
    kind: "paths",
    label: labelOf(options),
    at: placeIn(options.staging, folderOf("postgresql", options)),
    application: true,
    open: (access) => openPostgresql(options, access),
  }));

function labelOf({ name }: Options): string {
  return `postgresql ${name}`;
}

function openPostgresql(options: Options, access: SourceAccess): Source {
  const { name, password, through, compress } = options;
  return openDatabaseSource(
    {
      label: labelOf(options),
      through,
      compress,
      staging: access.location,
      file: (kind) => fileName(name, ".sql", kind),
      settings: async (signal) => ({
        kind: "postgresql",
        ...settingsOf(options),
        ...(password === undefined ? {} : { password: await access.secret(password, signal) }),
      }),
      // Whether it answers is seen when it is dumped: to ask takes as long as many a dump.
      observe: async () => ({ kind: "ready", empty: false }),
    },
    access,
  );
}
