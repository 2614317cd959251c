// Knows: what a failure of btrfs means, from its words. Must not know: which verb failed.
import { CommandFailed, lastWords } from "../../hosts/command-failed.ts";
import { HoldfastError, type ErrorCode } from "../../kernel/errors.ts";

/** What messages name. */
export interface Subject {
  /** The repository's name in the configuration. */
  readonly name: string;
  readonly location: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly words: RegExp;
  readonly sentence: (subject: Subject) => string;
  readonly hint: string;
}

/** What the words of btrfs mean, the first that fits. It ends with 1 for everything. */
const meanings: readonly Meaning[] = [
  {
    code: "command-failed",
    words: /^sudo: /m,
    sentence: ({ name }) => `sudo does not let this user run btrfs for repository "${name}"`,
    hint: "write into /etc/sudoers.d/holdfast: USER ALL=(root) NOPASSWD: /usr/bin/btrfs",
  },
  {
    code: "repository-full",
    words: /No space left on device|Disk quota exceeded/,
    sentence: ({ name, location }) =>
      `there is no space left for repository "${name}" at ${location}`,
    hint: "make room there, or drop old snapshots with: holdfast forget, then: holdfast prune",
  },
  {
    code: "command-failed",
    words: /Operation not permitted|Permission denied/,
    sentence: ({ name }) => `this user may not do what repository "${name}" needs`,
    hint: "run holdfast as root, or write sudo: true into the repository; see: holdfast doctor",
  },
  {
    code: "repository-unsupported",
    words: /Invalid cross-device link/,
    sentence: ({ name, location }) =>
      `repository "${name}" at ${location} is on another file system than the subvolume`,
    hint: "keep snapshots on the file system of the subvolume, and bring them to other disks with copies",
  },
  {
    code: "repository-unsupported",
    words: /not a btrfs filesystem|Inappropriate ioctl|doesn't belong to btrfs/,
    sentence: ({ name, location }) => `repository "${name}" is not on a btrfs: ${location}`,
    hint: "is its disk mounted? A btrfs repository is a folder on a btrfs",
  },
  {
    code: "repository-damaged",
    words: /cannot find parent subvolume|parent determination failed/,
    sentence: ({ name }) =>
      `repository "${name}" has not got the snapshot that the next one is a difference to`,
    hint: "see what is wrong with: holdfast check; or receive whole snapshots once: incremental: never",
  },
  {
    code: "repository-damaged",
    words: /Input\/output error|checksum|csum|Stale file handle|Structure needs cleaning/i,
    sentence: ({ name }) => `the disk of repository "${name}" cannot be read or written everywhere`,
    hint: "see what is wrong with: dmesg, and: btrfs scrub start -B PATH",
  },
  {
    code: "tool-too-old",
    words: /unrecognized option|invalid option|unknown token/,
    sentence: ({ name }) => `the btrfs of repository "${name}" does not know what is asked of it`,
    hint: "see its version with: btrfs --version (at least 6.0 is needed)",
  },
  {
    code: "command-failed",
    words: /Read-only file system/,
    sentence: ({ name, location }) => `repository "${name}" cannot be written: ${location}`,
    hint: "mount it read-write; a disk that has become read-only by itself wants a check",
  },
];

/** What a failed command of btrfs means for a repository. */
export function explainFailure(error: unknown, subject: Subject): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const { stderr, signal } = error.result;
  const said = stderr.split("\n").filter((line) => !/^(write|encoded_write|At) /.test(line));
  const meaning = meanings.find(({ words }) => said.some((line) => words.test(line)));
  if (meaning === undefined || signal !== undefined) return error;
  const words = lastWords(said.join("\n"));
  return new HoldfastError(meaning.code, `${meaning.sentence(subject)}: ${words}`, {
    hint: meaning.hint,
    cause: error,
  });
}

/** Whether a command failed because what it was to work on may only be read. */
export function saysReadOnly(error: unknown): boolean {
  return error instanceof CommandFailed && /Read-only file system/.test(error.result.stderr);
}

/** Whether a command failed because only root may do it. */
export function saysNotPermitted(error: unknown): boolean {
  return error instanceof CommandFailed && /Operation not permitted/.test(error.result.stderr);
}
