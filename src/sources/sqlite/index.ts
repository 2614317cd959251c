// Knows: that a database of SQLite can be a source by itself. Must not know: how it is dumped.
import { posix } from "node:path";
import * as z from "zod";
import type { Host, PathState } from "../../hosts/host.ts";
import { commonDatabaseShape, fileName, folderName, placeIn } from "../database-options.ts";
import { openDatabaseSource } from "../database-source.ts";
import type { Source, SourceAccess, SourceSpec, SourceState } from "../source.ts";

const Options = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .meta({
        description:
          "The file of the database: `VOLUME:PATH` on a configured volume, an absolute path, or ~/PATH. With `through`: an absolute path as seen from there.",
        examples: ["/srv/app/app.db", "server:app/app.db"],
      }),
    ...commonDatabaseShape,
    staging: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          "A folder, absolute, in which a private one is made for the copy while it is backed up; on the machine of the file. Default: `.NAME-holdfast` beside the file called NAME; with `through`: ~/.cache/holdfast/staging.",
        examples: ["/var/tmp/holdfast"],
      }),
  })
  .superRefine(({ file, through, staging }, context) => {
    if (through.length > 0 && !file.startsWith("/")) {
      const message = "expected an absolute path, as seen from where `through` leads";
      context.addIssue({ code: "custom", path: ["file"], message });
    }
    if (through.length === 0 && staging !== undefined && !staging.startsWith("/")) {
      const message = "expected an absolute path on the machine of the file";
      context.addIssue({ code: "custom", path: ["staging"], message });
    }
  });
type Options = z.output<typeof Options>;

/** A file of SQLite: where it is, parsed into something that can be opened. */
export const sqlite = z
  .strictObject({
    sqlite: Options.meta({
      description:
        "A database of SQLite, which may be in use: a copy of one moment, with what is still in its write-ahead log.",
    }),
  })
  .transform(({ sqlite: options }): SourceSpec => ({
    kind: "paths",
    label: labelOf(options),
    at: placeOf(options),
    application: true,
    open: (access) => openSqlite(options, access),
  }));

function labelOf({ file }: Options): string {
  return `sqlite ${file}`;
}

/** Without anything in between the file itself says which machine it is on; else where its copy is put does. */
function placeOf({ file, through, staging = "~/.cache/holdfast/staging" }: Options): string {
  if (through.length === 0) return file;
  const name = folderName("sqlite", posix.basename(file), JSON.stringify([file, through]));
  return placeIn(staging, name);
}

function openSqlite(options: Options, access: SourceAccess): Source {
  const { file, through, compress } = options;
  const { host, location } = access;
  const path = through.length === 0 ? location : file;
  return openDatabaseSource(
    {
      label: labelOf(options),
      through,
      compress,
      staging: through.length === 0 ? stagingFor(path, options) : location,
      file: (kind) => fileName(posix.basename(path), "", kind),
      settings: async () => ({ kind: "sqlite", file: path }),
      observe: async (signal) =>
        through.length === 0 ? await look(host, path, signal) : { kind: "ready", empty: false },
    },
    access,
  );
}

function stagingFor(path: string, { staging }: Options): string {
  const name = posix.basename(path);
  return staging === undefined
    ? posix.join(posix.dirname(path), `.${name}-holdfast`)
    : posix.join(staging, folderName("sqlite", name, path));
}

async function look(host: Host, path: string, signal: AbortSignal): Promise<SourceState> {
  const [found = { kind: "missing" }] = await host.inspect([path], signal);
  return stateOf(path, found);
}

function stateOf(path: string, found: PathState): SourceState {
  switch (found.kind) {
    case "missing":
      return { kind: "missing", reason: `${path} does not exist` };
    case "unreadable":
      return { kind: "unreadable", reason: `${path} cannot be read: ${found.reason}` };
    case "directory":
    case "other":
      return { kind: "unreadable", reason: `${path} is no file` };
    case "file":
      return { kind: "ready", empty: found.empty };
  }
}
