// Knows: what a configuration may say about any database that is a source by itself. Must not know: how it is dumped.
import { createHash } from "node:crypto";
import { posix } from "node:path";
import * as z from "zod";
import type { DumpCompression, ServerSettings } from "../databases/database.ts";
import { SecretReference } from "../kernel/secret-reference.ts";

/** Keys of every database. Spread into each kind's own strict schema. */
export const commonDatabaseShape = {
  through: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        "Words before every command of the database's tools, for a database in a container, or another user's. Standard input must get through: `docker exec -i`, `docker compose exec -T`.",
      examples: [
        ["docker", "exec", "-i", "shop-db"],
        ["sudo", "-u", "postgres"],
      ],
    }),
  compress: z.enum(["none", "gzip", "zstd"]).default("none").meta({
    description:
      "How the dump is compressed on its way to the disk. Default: none, which is best for repositories that compress or deduplicate.",
  }),
};

/** Keys of a database that a server holds. */
export const serverShape = {
  name: z
    .string()
    .min(1)
    .meta({ description: "What the database is called.", examples: ["shop"] }),
  user: z.string().min(1).optional().meta({
    description: "Who reads it. Default: as its own tools choose, by their option files.",
  }),
  password: SecretReference.optional(),
  host: z.string().min(1).optional().meta({
    description:
      "Where its server is, as seen from where its tools run. Default: that machine, by its socket.",
  }),
  port: z.int().min(1).max(65_535).optional().meta({ description: "The port of its server." }),
  socket: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "The server's socket; of PostgreSQL the folder of it.",
      examples: ["/run/mysqld/mysqld.sock", "/run/postgresql"],
    }),
  ...commonDatabaseShape,
  staging: z
    .string()
    .min(1)
    .default("~/.cache/holdfast/staging")
    .meta({
      description:
        "A folder in which a private one is made for the dump while it is backed up. With `VOLUME:PATH` on a volume of another machine, the tools run there. Default: ~/.cache/holdfast/staging.",
      examples: ["/var/tmp/holdfast", "server:tmp"],
    }),
};

type ServerOptions = z.output<z.ZodObject<typeof serverShape>>;

/** For `superRefine`: what contradicts itself. */
export function refuseTwoWays(
  { host, socket }: Pick<ServerOptions, "host" | "socket">,
  context: z.core.$RefinementCtx,
): void {
  if (host === undefined || socket === undefined) return;
  const message = "say either where the server listens (host) or its socket, not both";
  context.addIssue({ code: "custom", path: ["socket"], message });
}

/** How the server is reached, but for the password. */
export function settingsOf(options: ServerOptions): Omit<ServerSettings, "password"> {
  const { name, user, host, port, socket } = options;
  return {
    name,
    ...(user === undefined ? {} : { user }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(socket === undefined ? {} : { socket }),
  };
}

/** The name of the private folder of a database on a server: the same from run to run, and no other one's. */
export function folderOf(
  kind: string,
  { name, host, port, socket, through }: ServerOptions,
): string {
  const server = { host, port, socket, through: through.length === 0 ? undefined : through };
  const isDefault = Object.values(server).every((value) => value === undefined);
  return folderName(kind, name, isDefault ? undefined : JSON.stringify([name, server]));
}

/** The same, of anything that is told apart by a text. */
export function folderName(kind: string, name: string, identity?: string): string {
  const plain = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 100);
  const told = identity ?? (plain === name ? undefined : name);
  return [kind, plain, ...(told === undefined ? [] : [shortHash(told)])].join("-");
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/** The name of a dump as a file. */
export function fileName(name: string, ending: string, compress: DumpCompression): string {
  const plain = `${name.replaceAll(/[/\p{Cc}]+/gu, "-").slice(0, 100)}${ending}`;
  return { none: plain, gzip: `${plain}.gz`, zstd: `${plain}.zst` }[compress];
}

/** A place inside another one, which may be on a volume. */
export function placeIn(folder: string, name: string): string {
  return /^[^/~]*:$/.test(folder) ? `${folder}${name}` : posix.join(folder, name);
}
