// Knows: how to write down every program that something starts, with arguments and environment. Must not know: what is looked for in them.
import { readFileSync } from "node:fs";

/** One program that was started, as strace saw it: exact, however short its life was. */
export interface TracedExec {
  readonly file: string;
  readonly argv: readonly string[];
  /** As `NAME=VALUE`. */
  readonly environment: readonly string[];
}

/** What is put before a command so that all it starts is added to this file. Needs strace. */
export function tracing(file: string): readonly [string, ...string[]] {
  const what = ["-e", "trace=execve,execveat", "-e", "signal=none", "-v", "-s", "1000000"];
  // -D: the command itself is the child, so that it can be signalled and its exit status is seen.
  return ["strace", "-D", "-f", "--seccomp-bpf", "-qq", ...what, "-A", "-o", file, "--"];
}

const text = String.raw`"(?:[^"\\]|\\.)*"`;
const list = String.raw`\[((?:${text}(?:, )?)*)\]`;
const call = new RegExp(
  String.raw`execve(?:at)?\((?:[A-Z_0-9]+, )?(${text}), ${list}, ${list}`,
  "g",
);

/** Reads what was traced. Characters beyond ASCII stay as strace writes them: escaped. */
export function readTrace(file: string): readonly TracedExec[] {
  const trace = readFileSync(file, "utf8");
  return [...trace.matchAll(call)].map(([, program = "", argv = "", environment = ""]) => ({
    file: program.slice(1, -1),
    argv: texts(argv),
    environment: texts(environment),
  }));
}

function texts(traced: string): readonly string[] {
  return [...traced.matchAll(new RegExp(text, "g"))].map(([each]) =>
    each
      .slice(1, -1)
      .replaceAll(/\\(["\\])/g, "$1")
      .replaceAll(String.raw`\n`, "\n"),
  );
}
