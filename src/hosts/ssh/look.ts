// Knows: what paths of another machine are, seen in one round trip. Must not know: why that matters.
import { posix } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Command, Host, PathState } from "../host.ts";
import { interruption, onAbort } from "../interruption.ts";

// As on this machine: a drive that sleeps takes some fifteen seconds to wake.
const patienceMs = 30_000;

interface Question {
  readonly paths: readonly string[];
  readonly answer: PromiseWithResolvers<readonly PathState[]>;
}

/** Looks at paths. Questions that come together, or while others are asked, go in one round trip. */
export class Looking {
  readonly #host: Pick<Host, "run" | "name">;
  #waiting: Question[] = [];
  #isAsking = false;

  constructor(host: Pick<Host, "run" | "name">) {
    this.#host = host;
  }

  async at(paths: readonly string[], signal: AbortSignal): Promise<readonly PathState[]> {
    const subject = `looking at paths on host "${this.#host.name}"`;
    if (signal.aborted) throw interruption(signal, subject);
    if (paths.length === 0) return [];
    const answer = Promise.withResolvers<readonly PathState[]>();
    this.#waiting.push({ paths, answer });
    void this.#ask();
    using stack = new DisposableStack();
    stack.use(onAbort(signal, () => answer.reject(interruption(signal, subject))));
    return await answer.promise;
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    // Let everybody who asks in this tick come along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const questions = this.#waiting;
      this.#waiting = [];
      try {
        const states = await this.#states(questions.flatMap(({ paths }) => paths));
        let from = 0;
        for (const { paths, answer } of questions) {
          answer.resolve(states.slice(from, from + paths.length));
          from += paths.length;
        }
      } catch (error) {
        for (const { answer } of questions) answer.reject(error);
      }
    }
    this.#isAsking = false;
  }

  async #states(paths: readonly string[]): Promise<readonly PathState[]> {
    const states = new Map<number, PathState>();
    const distinct = [...new Set(paths)].filter((path) => !path.includes("\0"));
    const never = new AbortController().signal;
    try {
      await this.#host.run(lookCommand(distinct), never, {
        stdoutLine: (line) => {
          const [index = "", ...fields] = line.split(" ");
          states.set(Number(index), parseState(fields));
        },
      });
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== "timed-out") throw error;
    }
    const hanging = states.size;
    return paths.map((path) => {
      if (path.includes("\0")) return unreadable("its name holds a NUL character");
      const index = distinct.indexOf(path);
      return states.get(index) ?? unreadable(index === hanging ? late : blocked);
    });
  }
}

const late = `it did not answer within ${patienceMs / 1000} s`;
const blocked = "looking at other paths hangs, so this one was not tried";

function unreadable(reason: string): PathState {
  return { kind: "unreadable", reason };
}

/** Looks at paths and prints one line for each: its number, and what `parseState` reads. */
function lookCommand(paths: readonly string[]): Command {
  const words = paths.flatMap((path) => [asOperand(path), withoutSlash(path)]);
  return {
    argv: ["sh", "-c", script, "sh", ...words],
    env: { LC_ALL: "C" },
    effect: "reads",
    timeoutMs: patienceMs,
  };
}

function asOperand(path: string): string {
  if (path === "") return "/nonexistent/";
  return path.startsWith("-") ? `./${path}` : path;
}

// With a slash behind it, a link would be followed.
function withoutSlash(path: string): string {
  const normal = asOperand(posix.normalize(path));
  return normal.length > 1 ? normal.replace(/\/+$/, "") : normal;
}

// GNU and busybox have stat -c, the BSDs stat -f. The free bytes of one file system are asked for once.
const script = String.raw`
if stat -c %d / >/dev/null 2>&1; then
  look() { stat -L -c '%d %s %F' -- "$1" 2>&1; }
  free() { stat -f -c '%a %S' -- "$1" 2>/dev/null; }
else
  look() { stat -L -f '%d %z %HT' -- "$1" 2>&1; }
  free() { df -Pk -- "$1" 2>/dev/null | while read -r _ _ _ a _; do echo "$a 1024"; done | tail -n 1; }
fi
is_empty() {
  case $(find "$1/." -mindepth 1 -maxdepth 1 -print -quit 2>/dev/null | head -c 1) in '') return 0;; esac
  return 1
}
n=-1
known=' '
while [ $# -gt 0 ]; do
  p=$1; q=$2; shift 2; n=$((n + 1))
  if said=$(look "$p"); then
    d=\${said%% *}; rest=\${said#* }; s=\${rest%% *}; t=\${rest#* }
    kind=other; empty=0
    case $t in
      [Dd]irectory)
        kind=directory
        if ! { [ -r "$p" ] && [ -x "$p" ]; }; then echo "$n unreadable Permission denied"; continue; fi
        if is_empty "$p"; then empty=1; fi;;
      [Rr]egular*)
        kind=file
        if [ ! -r "$p" ]; then echo "$n unreadable Permission denied"; continue; fi
        if [ "$s" = 0 ]; then empty=1; fi;;
    esac
    case $known in
      *" $d="*) f=\${known##*" $d="}; f=\${f%% *};;
      *) f=$(free "$p"); f=\${f% *}x\${f#* }; known="$known$d=$f ";;
    esac
    link=
    if [ -L "$q" ]; then link=$(readlink -f -- "$q"; echo :); link=$(printf %s "\${link%?:}" | od -An -v -tx1 | tr -d ' \n'); fi
    echo "$n $kind $empty $d $f $link"
  else
    case $said in
      *'No such file or directory'*|*'Not a directory'*)
        if [ -L "$q" ]; then echo "$n lost"; else echo "$n missing"; fi;;
      *) echo "$n unreadable $(printf %s "$said" | tail -n 1 | sed 's/.*: //')";;
    esac
  fi
done
exit 0
`.replaceAll(String.raw`\${`, "${");

/** Reads what the script says of one path. */
function parseState([kind = "", ...fields]: readonly string[]): PathState {
  if (kind === "missing") return { kind };
  if (kind === "lost") {
    return unreadable("it is a symbolic link to something that does not exist");
  }
  const [empty, device = "", free = "", link = ""] = fields;
  if (kind !== "directory" && kind !== "file" && kind !== "other") {
    return unreadable(reasonFor(fields.join(" ")));
  }
  return {
    kind,
    empty: empty === "1",
    device,
    freeBytes: bytesOf(free),
    ...(link === "" ? {} : { leadsTo: Buffer.from(link, "hex").toString("utf8") }),
  };
}

/** A count of blocks and their size, with an x between them. */
function bytesOf(free: string): number {
  const [blocks = "0", size = "0"] = free.split("x");
  return Number(blocks) * Number(size);
}

function reasonFor(words: string): string {
  const known = reasons.find(([pattern]) => pattern.test(words));
  return known?.[1] ?? `the system says ${words}`;
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/permission denied|operation not permitted/i, "permission denied"],
  [/input\/output error/i, "the device reports an input/output error"],
  [/too many levels of symbolic links/i, "too many symbolic links"],
  [/file name too long/i, "its name is too long"],
  [/not connected/i, "its file system is no longer connected"],
  [/stale/i, "its server no longer knows it (stale file handle)"],
  [/timed out|host is down/i, "its server does not answer"],
];
