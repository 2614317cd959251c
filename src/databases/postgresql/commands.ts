// Knows: the commands of PostgreSQL's own tools. Pure. Must not know: when they are run.
import type { Command } from "../../hosts/host.ts";
import type { ServerSettings } from "../database.ts";
import { toolCommand } from "../tool-command.ts";

/** Which database, and the words before every command. */
export interface Target {
  readonly settings: ServerSettings;
  readonly through: readonly string[];
}

/** How its tools connect, in libpq's own notation: a name alone may be taken for something else. */
function connection({ user, host, port, socket }: ServerSettings, database: string): string {
  const words = { host: socket ?? host, port, user, dbname: database };
  return Object.entries(words)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}='${String(value).replaceAll(/[\\']/g, String.raw`\$&`)}'`)
    .join(" ");
}

const secretly = String.raw`
if [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
`;

// In the encoding of the database: not everything can be turned into another one, and back.
const dumpScript = String.raw`${secretly}
find_tool pg_dump
exec "$tool" --verbose --no-password --format=plain --dbname="$1"
`;

/** Writes a dump. */
export function dumpCommand({ settings, through }: Target): Command {
  const words = [connection(settings, settings.name)];
  return toolCommand({ through, script: dumpScript, words, effect: "reads" });
}

const clientScript = String.raw`${secretly}
PGCLIENTENCODING=UTF8; export PGCLIENTENCODING
find_tool psql
exec "$tool" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 "$@"
`;

/** How a client is started. */
export interface ClientRequest {
  readonly options?: readonly string[];
  readonly database: string;
  readonly effect: Command["effect"];
}

/** Runs the statements that come on standard input, and stops at the first that fails. */
export function clientCommand(
  { settings, through }: Target,
  { options = [], database, effect }: ClientRequest,
): Command {
  const words = [`--dbname=${connection(settings, database)}`, ...options, "--file=-"];
  return toolCommand({ through, script: clientScript, words, effect });
}

const versionsScript = String.raw`
find_tool pg_dump
exec "$tool" --version
`;

/** Says the version of the dump tool. */
export function versionCommand({ through }: Pick<Target, "through">): Command {
  return toolCommand({ through, script: versionsScript, words: [], effect: "reads" });
}

/** A text in a statement. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name in a statement. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
