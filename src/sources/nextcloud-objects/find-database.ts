// Knows: which database is asked: what Nextcloud says, and what the configuration says instead. Must not know: what is asked.
import type { DatabaseSettings, ServerSettings } from "../../databases/database.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Secret } from "../../kernel/secret.ts";
import type { SourceAccess } from "../source.ts";
import type { Options, ServerOptions } from "./options.ts";

/** What Nextcloud says of its database, if it was asked, but for what the configuration says; or a dump. */
export async function findDatabase(
  { database, config }: Options,
  {
    access,
    known,
  }: { readonly access: SourceAccess; readonly known: DatabaseSettings | undefined },
  signal: AbortSignal,
): Promise<DatabaseSettings | { readonly dump: string }> {
  if ("dump" in database) return { dump: config === undefined ? access.location : database.dump };
  const kind = database.kind ?? known?.kind;
  if (kind === undefined) throw unnamed();
  if (kind === "sqlite") return { kind, file: fileOf(database, known) };
  const server = known?.kind === "sqlite" ? undefined : known;
  const password = await passwordOf(database, { access, known: server }, signal);
  return { kind, ...serverOf(database, server), ...(password && { password }) };
}

async function passwordOf(
  { password }: ServerOptions,
  { access, known }: { readonly access: SourceAccess; readonly known: ServerSettings | undefined },
  signal: AbortSignal,
): Promise<Secret | undefined> {
  return password === undefined ? known?.password : await access.secret(password, signal);
}

function fileOf({ file }: ServerOptions, known: DatabaseSettings | undefined): string {
  const found = file ?? (known?.kind === "sqlite" ? known.file : undefined);
  if (found === undefined) throw unnamed();
  return found;
}

function serverOf(
  said: ServerOptions,
  known: ServerSettings | undefined,
): Omit<ServerSettings, "password"> {
  const { user = known?.user, name = known?.name } = said;
  if (name === undefined) throw unnamed();
  return { name, ...addressOf(said, known), ...(user !== undefined && { user }) };
}

/** Where it listens is one thing: a port that is written here does not belong to a socket of config.php. */
function addressOf(
  { host, port, socket }: ServerOptions,
  known: ServerSettings | undefined,
): Pick<ServerSettings, "host" | "port" | "socket"> {
  const isElsewhere = host !== undefined || port !== undefined || socket !== undefined;
  const at = isElsewhere ? { host, port, socket } : { ...known };
  return {
    ...(at.host !== undefined && { host: at.host }),
    ...(at.port !== undefined && { port: at.port }),
    ...(at.socket !== undefined && { socket: at.socket }),
  };
}

function unnamed(): HoldfastError {
  const hint = "write its name, or its file, under `database`";
  return new HoldfastError("database-unusable", "it is not said which database is meant", { hint });
}
