// Knows: what the operating system is asked for when a command starts. Must not know: how it goes on.
import { spawn, type ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import type { Readable } from "node:stream";
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";
import { programName } from "./command-failed.ts";
import { findExecutable } from "./executable.ts";
import type { Command, CommandResult, EndSignal } from "./host.ts";
import { parentDeathPrefixes, type ParentDeathPrefixes, shellName } from "./parent-death.ts";

/** A command whose program has been found. */
export interface Launch {
  readonly command: Command;
  /** The program's absolute path. */
  readonly executable: string;
}

/** What every command of one machine starts with. */
export class LaunchPad {
  readonly #env: NodeJS.ProcessEnv;
  readonly #prefixes = new Map<EndSignal, ParentDeathPrefixes>();

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Finds what a command needs, and starts nothing. Throws `tool-missing`, `command-failed`. */
  prepare(command: Command): Launch {
    refuseNul(command);
    const env = { ...this.#env, ...shown(command.env) };
    const found = findExecutable(command.argv[0], env, command.cwd);
    if (found.kind === "found") return { command, executable: found.path };
    throw found.kind === "missing"
      ? new HoldfastError("tool-missing", `${programName(command)} was not found`, {
          hint: hintForMissing(command, env),
        })
      : new HoldfastError("tool-missing", `${found.path} may not be executed`, {
          hint: `check its permissions: chmod a+rx ${found.path}`,
        });
  }

  /**
   * Starts it as the leader of a process group and session of its own: an interrupt from the
   * terminal then reaches Holdfast alone, which ends its commands in order, and no command can ask
   * questions at the terminal. This is the only place where secrets are revealed.
   */
  start(launch: Launch, input: Readable | "written" | "none"): ChildProcess {
    const { command, executable } = launch;
    const env = { ...this.#env };
    for (const [name, value] of Object.entries(command.env ?? {})) {
      env[name] = value instanceof Secret ? value.reveal() : value;
    }
    const prefixes = this.#prefixesOf(command.endSignal ?? "SIGTERM");
    const looks = command.effect === "writes" && Object.keys(env).every(isPassedOn);
    const prefix = looks ? prefixes.looking : prefixes.plain;
    const [file = executable, ...rest] = [...prefix, executable, ...command.argv.slice(1)];
    return spawn(file, rest, {
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      env,
      detached: process.platform !== "win32",
      windowsHide: true,
      stdio: [typeof input === "string" ? stdinOf(input) : input, "pipe", "pipe"],
    });
  }

  /** Looked up once for each signal. */
  #prefixesOf(signal: EndSignal): ParentDeathPrefixes {
    const known = this.#prefixes.get(signal);
    if (known !== undefined) return known;
    const found = parentDeathPrefixes(this.#env, signal);
    this.#prefixes.set(signal, found);
    return found;
  }
}

/** A shell drops variables whose names it cannot hold. */
function isPassedOn(variable: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(variable);
}

/** Why a command did not start although its program is there. */
export function startFailure(command: Command, cause: unknown): HoldfastError {
  const reason =
    command.cwd !== undefined && !isDirectory(command.cwd)
      ? `there is no folder ${command.cwd}`
      : reasonOf(cause);
  const message = `${programName(command)} could not be started: ${reason}`;
  return new HoldfastError("command-failed", message, { cause });
}

/**
 * The same, when it was setpriv or our shell that could not execute the program (both: 127 when it
 * is missing, which it was not when we looked, so its interpreter is; else 126).
 */
export function prefixFailure(command: Command, result: CommandResult): HoldfastError | undefined {
  const { exitStatus, stderr } = result;
  if (exitStatus !== 126 && exitStatus !== 127) return undefined;
  const isOfPrefix = ["setpriv", shellName].some((name) => stderr.startsWith(`${name}: `));
  if (!isOfPrefix || stderr.trimEnd().includes("\n")) return undefined;
  const code = exitStatus === 127 ? "ENOENT" : undefined;
  return startFailure(command, Object.assign(new Error(stderr.trimEnd()), { code }));
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause ? String(cause.code) : "";
  return startReasons[code] ?? cause.message;
}

const startReasons: Readonly<Record<string, string>> = {
  E2BIG: "its arguments and environment are longer than the system allows",
  EACCES: "the system refuses to execute it",
  EAGAIN: "the limit of processes is reached",
  EMFILE: "too many files are open in this process",
  ENFILE: "too many files are open on this machine",
  ENOENT: "the interpreter it asks for is missing",
  ENOEXEC: "it is not a program of this kind of machine",
  ENOMEM: "there is not enough memory",
};

function stdinOf(input: "written" | "none"): "pipe" | "ignore" {
  return input === "written" ? "pipe" : "ignore";
}

function hintForMissing(command: Command, env: NodeJS.ProcessEnv): string {
  return command.argv[0].includes("/")
    ? `check the path ${command.argv[0]}`
    : `install ${command.argv[0]}, or add its folder to PATH, which is ${env["PATH"] ?? "empty"}`;
}

/** The environment as far as finding a program needs it. */
function shown(env: Command["env"]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(env ?? {})) texts[name] = String(value);
  return texts;
}

/** Throws `command-failed` for what no environment and no argument can hold. */
// Node's own error for a NUL character shows the text that holds it, which may be a secret.
export function refuseNul(command: Command): void {
  for (const [name, value] of Object.entries(command.env ?? {})) {
    const text = value instanceof Secret ? value.reveal() : value;
    if (!text.includes("\0") && !name.includes("\0")) continue;
    const message = `${programName(command)} cannot be given ${name}: its text holds a NUL character`;
    throw new HoldfastError("command-failed", message);
  }
  if (command.argv.some((word) => word.includes("\0"))) {
    throw new HoldfastError(
      "command-failed",
      `${programName(command)}: an argument holds a NUL character`,
    );
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
