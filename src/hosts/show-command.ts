// Knows: how a command is shown to a person. Must not know: whether it runs.
import { redact, Secret } from "../kernel/secret.ts";
import type { Command, Host } from "./host.ts";

/**
 * One line that a person could type into a shell: folder, environment and arguments, quoted where
 * needed. Secrets are `***`. What it is given as input is not shown.
 */
export function showCommand(command: Command): string {
  const folder = command.cwd === undefined ? [] : ["cd", quote(command.cwd), "&&"];
  const environment = Object.entries(command.env ?? {}).map(([name, value]) =>
    value instanceof Secret ? `${name}=***` : `${name}=${quote(value)}`,
  );
  return [...folder, ...environment, ...command.argv.map(quote)].join(" ");
}

/** A pipeline in one line. */
export function showPipeline(commands: readonly Command[]): string {
  return commands.map(showCommand).join(" | ");
}

/**
 * What a person types here so that a line of `showCommand`, or another one of a shell, runs on that
 * machine: the line itself, or `ssh … 'the line'`. For hints about things that may be elsewhere.
 */
export function showLineOn(host: Pick<Host, "name" | "remote">, line: string): string {
  if (host.remote === undefined) return line;
  const [ssh, ...rest] = host.remote.typed ?? ["ssh", host.name];
  // Without a terminal there, sudo cannot ask for a password, nor apt-get whether it may go on.
  const terminal = /^sudo\b/.test(line) ? ["-t"] : [];
  return [ssh, ...terminal, ...rest, line].map(quote).join(" ");
}

function quote(text: string): string {
  // Before quoting, which may change a secret so that it would no longer be recognised.
  const word = redact(text);
  if (word === "***" || /^[\w%+,./:=@-]+$/.test(word)) return word;
  if (/\p{Cc}/u.test(word)) return `$'${word.replaceAll(/[\\']|\p{Cc}/gu, escapeForShell)}'`;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** As in ANSI-C quoting, which bash, zsh and ksh understand: a line feed stays on the line. */
function escapeForShell(character: string): string {
  if (character === "\\" || character === "'") return `\\${character}`;
  if (character === "\n") return String.raw`\n`;
  const code = character.codePointAt(0) ?? 0;
  return [...Buffer.from(String.fromCodePoint(code))]
    .map((byte) => String.raw`\x` + byte.toString(16).padStart(2, "0"))
    .join("");
}
