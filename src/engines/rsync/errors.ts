// Knows: what a failure of rsync or of a command beside it means for the user. Must not know: when it happened.
import { type CommandFailed, lastWords } from "../../hosts/command-failed.ts";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";

/** What a failure is told about. */
export interface Subject {
  readonly name: string;
  readonly location: string;
}

const full = /No space left on device|Disk quota exceeded/;
const readOnly = /Read-only file system/;
const badDisk = /Input\/output error/;

/** A repository without room. */
function fullError({ name, location }: Subject, cause?: unknown): HoldfastError {
  return new HoldfastError("repository-full", `there is no room left in repository "${name}"`, {
    hint: `see what takes up the space at ${location}; keep fewer snapshots, or free some: holdfast forget, then holdfast prune`,
    cause,
  });
}

export function missingError({ name, location }: Subject): HoldfastError {
  return new HoldfastError(
    "repository-missing",
    `repository "${name}" does not exist at ${location}`,
    {
      hint: "create it with: holdfast init",
    },
  );
}

/** What could not be written, from words of the receiving side. */
export function unwritableError(subject: Subject, words: string, cause?: unknown): HoldfastError {
  if (full.test(words)) return fullError(subject, cause);
  const { name, location } = subject;
  const said = lastWords(words);
  if (readOnly.test(words)) {
    return new HoldfastError("command-failed", `repository "${name}" cannot be written: ${said}`, {
      hint: `its file system is mounted read-only: see the kernel's messages with dmesg, then mount it writable at ${location}`,
      cause,
    });
  }
  if (badDisk.test(words)) {
    return new HoldfastError(
      "repository-damaged",
      `the disk of repository "${name}" fails: ${said}`,
      {
        hint: "look at the disk with: dmesg, smartctl -a",
        cause,
      },
    );
  }
  return new HoldfastError("command-failed", `repository "${name}" could not be written: ${said}`, {
    hint: `see who may write at ${location}, and whether its file system takes such files`,
    cause,
  });
}

const broken = new Set([10, 12, 30, 35, 255]);

/** What rsync's failure means. */
export function explainFailure(
  failed: CommandFailed,
  subject: Subject,
  far: Host | undefined,
): HoldfastError {
  const { exitStatus, stderr } = failed.result;
  if (full.test(stderr)) return fullError(subject, failed);
  if (exitStatus === 11) return unwritableError(subject, stderr, failed);
  if (far === undefined) return failed;
  if (exitStatus === 127 || /command not found|\(code 127\)/.test(stderr)) {
    return new HoldfastError("tool-missing", `host "${far.name}" has no rsync`, {
      hint: "install it there, on Debian with: apt-get install rsync",
      cause: failed,
    });
  }
  if (!broken.has(exitStatus)) return failed;
  const words = lastWords(stderr);
  const said = words === "" ? "" : `: ${words}`;
  return new HoldfastError(
    "host-unreachable",
    `the connection to host "${far.name}" was lost${said}`,
    { hint: "the next run goes on where this one stopped", cause: failed },
  );
}

/** What the failure of another command in the repository means: no room, or as it is. */
export function explainOther(failed: CommandFailed, subject: Subject): HoldfastError {
  const { stderr } = failed.result;
  return full.test(stderr) || readOnly.test(stderr) || badDisk.test(stderr)
    ? unwritableError(subject, stderr, failed)
    : failed;
}
