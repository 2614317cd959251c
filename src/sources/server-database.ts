// Knows: that a database of a server can be a source by itself. Must not know: how it is dumped.
import * as z from "zod";
import {
  fileName,
  folderOf,
  placeIn,
  refuseTwoWays,
  serverShape,
  settingsOf,
} from "./database-options.ts";
import { openDatabaseSource } from "./database-source.ts";
import type { Source, SourceAccess, SourceSpec } from "./source.ts";

type Kind = "mariadb" | "postgresql";

/** How a database of a server is reached, in a configuration. */
export const ServerOptions = z.strictObject(serverShape).superRefine(refuseTwoWays);
export type ServerOptions = z.output<typeof ServerOptions>;

/** A database of a server, as something that can be opened. */
export function serverSource(kind: Kind, options: ServerOptions): SourceSpec {
  const label = `${kind} ${options.name}`;
  return {
    kind: "paths",
    label,
    at: placeIn(options.staging, folderOf(kind, options)),
    application: true,
    open: (access) => openServer({ kind, label, options }, access),
  };
}

function openServer(
  of: { readonly kind: Kind; readonly label: string; readonly options: ServerOptions },
  access: SourceAccess,
): Source {
  const { kind, label, options } = of;
  const { name, password, through, compress } = options;
  return openDatabaseSource(
    {
      label,
      through,
      compress,
      staging: access.location,
      file: (format) => fileName(name, ".sql", format),
      settings: async (signal) => ({
        kind,
        ...settingsOf(options),
        ...(password === undefined ? {} : { password: await access.secret(password, signal) }),
      }),
      // Whether it answers is seen when it is dumped: to ask takes as long as many a dump.
      observe: async () => ({ kind: "ready", empty: false }),
    },
    access,
  );
}
