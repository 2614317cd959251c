// Knows: the commands of MariaDB's own tools, which are those of MySQL where these are installed. Pure. Must not know: when they are run.
import type { Command } from "../../hosts/host.ts";
import type { ServerSettings } from "../database.ts";
import { toolCommand } from "../tool-command.ts";

/** Which database, and the words before every command. */
export interface Target {
  readonly settings: ServerSettings;
  readonly through: readonly string[];
}

/** How its tools connect. Without anything said they do as their own option files say. */
function connectionWords({ user, host, port, socket }: ServerSettings): readonly string[] {
  const way =
    socket === undefined
      ? [
          ...(host === undefined ? [] : [`--host=${host}`]),
          // To these tools "localhost" is a socket, whatever the port.
          ...(port === undefined ? [] : [`--port=${port}`, "--protocol=TCP"]),
        ]
      : [`--socket=${socket}`, "--protocol=SOCKET"];
  return [
    ...way,
    ...(user === undefined ? [] : [`--user=${user}`]),
    "--default-character-set=utf8mb4",
    // Of what a server sends. What it takes is its own setting.
    "--max-allowed-packet=1G",
  ];
}

const secretly = String.raw`
if [ -n "$password" ]; then MYSQL_PWD=$password; export MYSQL_PWD; fi
`;

// A user that may not see events gets a dump without them instead of none. A dump tool of MySQL asks for what
// MariaDB does not have, unless it is told not to.
const dumpScript = String.raw`${secretly}
database=$1; shift
find_tool mariadb mysql; client=$tool
find_tool mariadb-dump mysqldump
events=; foreign=
"$client" "$@" --batch --database="$database" --execute='SHOW EVENTS' </dev/null >/dev/null 2>&1 && events=--events
case $("$tool" --version 2>/dev/null) in
  *MariaDB*) ;;
  *Distrib\ 5.*) foreign=--set-gtid-purged=OFF ;;
  *) foreign='--set-gtid-purged=OFF --column-statistics=0' ;;
esac
exec "$tool" "$@" --verbose --single-transaction --quick --routines --triggers --no-tablespaces \
  $events $foreign -- "$database"
`;

/** Writes a dump. */
export function dumpCommand({ settings, through }: Target): Command {
  const words = [settings.name, ...connectionWords(settings)];
  return toolCommand({ through, script: dumpScript, words, effect: "reads" });
}

const clientScript = String.raw`${secretly}
find_tool mariadb mysql
exec "$tool" "$@"
`;

/** Runs the statements that come on standard input, and stops at the first that fails. */
export function clientCommand(
  { settings, through }: Target,
  { options = [], database, effect }: ClientRequest,
): Command {
  const chosen = database === undefined ? [] : [`--database=${database}`];
  const words = [...connectionWords(settings), "--batch", ...options, ...chosen];
  return toolCommand({ through, script: clientScript, words, effect });
}

/** How a client is started. */
export interface ClientRequest {
  readonly options?: readonly string[];
  readonly database?: string;
  readonly effect: Command["effect"];
}

const versionsScript = String.raw`
find_tool mariadb-dump mysqldump
exec "$tool" --version
`;

/** Says the version of the dump tool. */
export function versionCommand({ through }: Pick<Target, "through">): Command {
  return toolCommand({ through, script: versionsScript, words: [], effect: "reads" });
}

/** A text in a statement. */
export function literal(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** A name in a statement. */
export function identifier(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}
