// Knows: how a database's own tool is started where the database is, and told a password. Must not know: which tool, and what for.
import type { Command } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Secret } from "../kernel/secret.ts";

// Containers and other machines pass no environment on, and arguments can be read by everyone: the first line of
// standard input is the password, also when there is none, so that it is always known that input gets through.
// What is behind it is left for the tool: `read` takes no byte too many.
const preamble = String.raw`
if [ -t 0 ] || [ -t 1 ]; then echo 'holdfast: a terminal is in between' >&2; exit 97; fi
IFS= read -r password || { echo 'holdfast: standard input does not get through' >&2; exit 97; }
LC_ALL=C; export LC_ALL
find_tool() {
  for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 && return; done
  echo "holdfast: not installed: $*" >&2; exit 97
}
`;

/** What a tool is started with. */
export interface ToolRequest {
  /** Words before the command, which lead to where the database is. */
  readonly through: readonly string[];
  /** A fixed script. It may call `find_tool NAME…`, which sets `$tool`, and use `$password`. */
  readonly script: string;
  /** The words that the script gets as its arguments. */
  readonly words: readonly string[];
  readonly effect: Command["effect"];
}

/** The command that runs such a script. What feeds it must begin with the line that `passwordLine` makes. */
export function toolCommand({ through, script, words, effect }: ToolRequest): Command {
  const [first = "sh", ...rest] = [...through, "sh", "-c", preamble + script, "sh", ...words];
  return { argv: [first, ...rest], effect };
}

/** The same command, given its password and what else it is to read. */
export function withInput(
  command: Command,
  { password, text = "" }: { readonly password: Secret | undefined; readonly text?: string },
): Command {
  return { ...command, stdin: Buffer.from(`${oneLine(password)?.reveal() ?? ""}\n${text}`) };
}

// A password in the environment of a process of our own can be read by the same user only.
const feed = String.raw`
printf '%s\n' "$HOLDFAST_PASSWORD"
unset HOLDFAST_PASSWORD
exec "$@"
`;

/** Writes the line with the password, and then what another command writes: the first stage of a pipe. */
export function feeding({ argv }: Pick<Command, "argv">, password: Secret | undefined): Command {
  return {
    argv: ["sh", "-c", feed, "sh", ...argv],
    env: { HOLDFAST_PASSWORD: oneLine(password) ?? "" },
    effect: "reads",
  };
}

// What is behind the first line is for the tool: it would take it for statements.
function oneLine(password: Secret | undefined): Secret | undefined {
  if (password?.reveal().includes("\n") !== true) return password;
  const message = "a password of a database cannot have several lines";
  const hint = "see what the file or command of `password` holds";
  throw new HoldfastError("password-wrong", message, { hint });
}
