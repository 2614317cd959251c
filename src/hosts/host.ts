// Knows: how commands run on a machine, and nothing of what they are for. The only room that starts processes.
import type { Secret } from "../kernel/secret.ts";

/** A signal that asks a command to end; SIGKILL follows when it does not. */
export type EndSignal = "SIGTERM" | "SIGINT";

/** One command as data. There are no shell strings anywhere. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** Added to the environment that the host gives every command. */
  readonly env?: Readonly<Record<string, string | Secret>>;
  /** Written to its standard input, which is then closed. Without it the input is empty. */
  readonly stdin?: string | Uint8Array | Secret;
  readonly cwd?: string;
  /** A command marked "reads" changes nothing that anyone would want to keep. */
  readonly effect: "reads" | "writes";
  /** Exit statuses that are no failure. Default: [0]. */
  readonly okExits?: readonly number[];
  /** What asks it to end. Default: SIGTERM. Some tools tidy up only after SIGINT. */
  readonly endSignal?: EndSignal;
  /** After so many milliseconds it is ended (`timed-out`). Default: no limit. */
  readonly timeoutMs?: number;
}

/** How a command ended. Success and failure have the same fields. */
export interface CommandResult {
  readonly exitStatus: number;
  /** The signal that ended it; `exitStatus` is then 128 + its number. */
  readonly signal?: NodeJS.Signals;
  /**
   * The last part of standard output (64 MiB here, unless the host was made otherwise), as it came:
   * it may hold secrets. Empty when lines were watched.
   */
  readonly stdout: string;
  /** The last part of standard error, redacted. */
  readonly stderr: string;
  /** Standard output was longer than is kept. */
  readonly truncated: boolean;
  readonly milliseconds: number;
}

/**
 * Receives lines as they come, of any length, without their end. What it throws is a bug: the
 * command is ended, and it is thrown again.
 */
export interface Watch {
  /** As it came. Standard error is redacted. */
  readonly stdoutLine?: (line: string) => void;
  readonly stderrLine?: (line: string) => void;
  /** A carriage return ends a line of standard output too: for tools that draw their progress. */
  readonly atReturns?: boolean;
  /**
   * When it aborts, what has come so far is all that is wanted: what still runs is ended, and the
   * result is what it would have been had that ended by itself.
   */
  readonly enough?: AbortSignal;
}

/** What is known of one path without opening it. */
export type PathState =
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly reason: string }
  | {
      readonly kind: "directory" | "file" | "other";
      /** A directory without entries, a file without bytes. */
      readonly empty: boolean;
      /** Identifies the file system it is on, for this boot. */
      readonly device: string;
      /** Bytes that an ordinary user could still write there. */
      readonly freeBytes: number;
      /** The path itself is a symbolic link, and all of this is said of what it leads to: here. */
      readonly leadsTo?: string;
    };

/** A private directory (0700) that vanishes when it is disposed of. */
export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

/** Another machine, as tools of this one reach it: over the one connection that is open to it. */
export interface Remote {
  /** The words of ssh before the destination, for tools that start it themselves (`rsync -e`). */
  readonly shell: readonly [string, ...string[]];
  /** What such a tool calls the machine, as in `DESTINATION:PATH`. */
  readonly destination: string;
  /**
   * The words with which a person reaches it, such as `ssh -p 2222 backup@nas.lan`; hints show them.
   * Default: `ssh` and the host's name.
   */
  readonly typed?: readonly [string, ...string[]];
  /**
   * A command of that machine as one that this machine runs, once the machine was reached. When it is
   * ended here, it ends there when it next reads or writes.
   */
  through(command: Command): Command;
  /** The same, with what ends it there at once. `pipeAcross` does so. */
  leash?(command: Command): Leash;
  /** What its login shell prints comes before anything that a command writes. */
  readonly isChatty?: boolean;
}

/** A command that runs elsewhere through a process of this machine. */
export interface Leash {
  readonly command: Command;
  /** Ends it where it runs, with all it started. Never rejects. May be repeated. */
  end(): Promise<void>;
  /** Of how that process ended, how the command did; undefined when the way to it was lost instead. */
  ownResult?(result: CommandResult): CommandResult | undefined;
}

/** A machine that commands run on. */
export interface Host {
  readonly name: string;
  /** How this machine reaches it. Absent: it is this machine. */
  readonly remote?: Remote;
  /**
   * Makes sure that it answers, and that what `remote` says can be used. Everything else here does
   * so by itself. Throws `host-unreachable`, `interrupted`.
   */
  reach(signal: AbortSignal): Promise<void>;
  /**
   * Runs one command to its end. Throws a `CommandFailed` on an exit status that is not in
   * `okExits`, `tool-missing` when the program does not exist, `timed-out`, and `interrupted` after
   * an abort: then the whole process group has had SIGTERM, and SIGKILL ten seconds later.
   */
  run(command: Command, signal: AbortSignal, watch?: Watch): Promise<CommandResult>;
  /**
   * Runs commands side by side, each one's output being the next one's input, bytes going from
   * process to process. Only the first can have `stdin`. Every stage's exit status counts; throws
   * for the one that is the cause (see `blame.ts`).
   */
  pipe(commands: readonly Command[], signal: AbortSignal, watch?: Watch): Promise<PipeResult>;
  /** Looks at many paths at once, in one round trip. Answers in the same order. */
  inspect(paths: readonly string[], signal: AbortSignal): Promise<readonly PathState[]>;
  scratch(): Promise<Scratch>;
}

/** How a pipeline ended: one result a stage; only the last stage's `stdout` is kept. */
export interface PipeResult {
  readonly stages: readonly CommandResult[];
  readonly stdout: string;
}
