// Knows: what a failure of restic means, from its exit status and words. Must not know: which verb failed.
import { CommandFailed } from "../../hosts/command-failed.ts";
import { HoldfastError, type ErrorCode } from "../../kernel/errors.ts";
import { plainLines } from "./output.ts";

/** What messages name. */
export interface Subject {
  /** The repository's name in the configuration. */
  readonly name: string;
  readonly location: string;
  readonly program: string;
}

/** How a restic ended that did not succeed. */
export interface Ending {
  readonly exitStatus: number;
  readonly stderr: string;
}

interface Meaning {
  readonly code: ErrorCode;
  /** restic's exit status for exactly this, in versions that have one. */
  readonly exitStatus?: number;
  /** Found in one line of what restic said. */
  readonly words: RegExp;
  readonly sentence: (subject: Subject, line: string) => string;
  readonly hint: (subject: Subject, line: string) => string;
}

const onReadOnly = "is on a read-only file system";

/**
 * What restic's endings mean, the first that fits. Text decides for 0.14 to 0.16, which end with 1
 * for everything; exit statuses 10 and 11 came with 0.17.0, 12 with 0.17.1. The order matters: a
 * server that refuses credentials, or cannot be reached, makes restic ask "is there a repository?".
 */
const meanings: readonly Meaning[] = [
  {
    code: "tool-too-old",
    words: /^unknown (shorthand )?flag|^invalid argument "[^"]*" for "--|^unknown command/,
    sentence: ({ program }, line) => `${program} does not know what is asked of it: ${line}`,
    hint: ({ program }) =>
      `see its version with: ${program} version (at least 0.14 is needed, some options need more)`,
  },
  {
    code: "command-failed",
    words:
      /\b(401 Unauthorized|403 Forbidden)|Access Denied|AccessDenied|request signature we calculated|InvalidAccessKeyId|access key ID you provided|no credentials found|SignatureDoesNotMatch|does not match the server's credentials/,
    sentence: ({ name }, line) => `the service of repository "${name}" refuses access: ${line}`,
    hint: ({ name }) =>
      `look at the keys and passwords under environment of repository "${name}", and at its rights there`,
  },
  {
    code: "repository-full",
    words:
      /no space left on device|disk quota exceeded|507 Insufficient Storage|QuotaExceeded|storage quota|StorageFull|not enough space/i,
    sentence: ({ name, location }, line) =>
      `there is no space left for repository "${name}" at ${location}: ${line}`,
    hint: () =>
      "make room there, or drop old snapshots with: holdfast forget, then: holdfast prune",
  },
  {
    code: "command-failed",
    words: /read-only file system/i,
    sentence: ({ name, location }) => `repository "${name}" ${onReadOnly}: ${location}`,
    hint: () => "mount it read-write; a disk that has become read-only by itself wants a check",
  },
  {
    code: "host-unreachable",
    words:
      /connection refused|no such host|no route to host|network is unreachable|i\/o timeout|connection timed out|TLS handshake|connection reset|Temporary failure in name resolution|server misbehaving|Could not resolve hostname|unable to start the sftp session|operation timed out|unexpected HTTP response \(5\d\d\)|\b50[0234] (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time)|certificate (is|has|signed)|x509:/i,
    sentence: ({ name }, line) => `the host of repository "${name}" cannot be reached: ${line}`,
    hint: ({ location }) =>
      `see whether it is switched on and can be reached from here: ${location}`,
  },
  {
    code: "password-wrong",
    exitStatus: 12,
    // In parts: what is also somebody's password is blotted out before it gets here.
    words: /wrong password|no key found|an empty password is not allowed/,
    sentence: ({ name }) => `the password does not open repository "${name}"`,
    hint: ({ name }) =>
      `look at password of repository "${name}"; a repository keeps the one it was made with`,
  },
  {
    code: "repository-locked",
    exitStatus: 11,
    words: /repository is already locked|lock was created at/,
    sentence: ({ name }, line) => `repository "${name}" is locked by another restic${holder(line)}`,
    hint: () => "wait until it has ended, and try again",
  },
  {
    code: "repository-exists",
    words:
      /config file already exists|master key and config already initialized|config already exists/,
    sentence: ({ name, location }) => `repository "${name}" exists already at ${location}`,
    hint: () => "use it as it is, or name another place",
  },
  {
    code: "repository-damaged",
    words: /repository already contains keys/,
    sentence: ({ name, location }) =>
      `repository "${name}" at ${location} has keys but no configuration: its making was interrupted, or the file "config" was lost`,
    hint: () => `if it never held a snapshot, remove its folder "keys" and type: holdfast init`,
  },
  {
    code: "repository-missing",
    exitStatus: 10,
    words:
      /unable to open config file: .*(no such file or directory|does not exist|not found|404)|bucket does not exist|NoSuchBucket/,
    sentence: ({ name, location }) => `repository "${name}" does not exist at ${location}`,
    hint: () => "create it with: holdfast init",
  },
  {
    code: "snapshot-missing",
    words: /no matching ID found for prefix|failed to find snapshot|invalid id "/,
    sentence: ({ name }, line) => `repository "${name}" does not have this snapshot: ${line}`,
    hint: () => "see what it has with: holdfast snapshots",
  },
  {
    code: "repository-damaged",
    words:
      /ciphertext verification failed|is damaged|could be damaged|invalid data returned|has zero size, invalid repository|repository contains errors|LoadIndex returned errors|hash does not match|ID does not match|Unmarshal: invalid character|is not referenced in any index|not found in (the )?(repository|index)/,
    sentence: ({ name }, line) => `repository "${name}" is damaged: ${line}`,
    hint: () =>
      "see what is wrong with: holdfast check --read-data (and https://restic.readthedocs.io/en/stable/077_troubleshooting.html)",
  },
];

/** Whether the repository is where nothing can be written. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof HoldfastError && error.message.includes(onReadOnly);
}

/** Puts the failure of a restic into the words of this program. */
export function explainFailure(ending: Ending, subject: Subject, cause?: unknown): HoldfastError {
  const lines = plainLines(ending.stderr).filter((line) => !isRetryNotice(line));
  const found =
    meanings.find(({ exitStatus }) => exitStatus === ending.exitStatus) ??
    meanings.find(({ words }) => lines.some((line) => words.test(line)));
  if (found === undefined) return unexplained(ending, subject, cause);
  const line = lines.find((text) => found.words.test(text)) ?? lines.at(-1) ?? "";
  const details = found.code === "repository-locked" ? lines.join(" ") : reasonIn(line);
  return new HoldfastError(found.code, found.sentence(subject, details), {
    hint: found.hint(subject, details),
    cause,
  });
}

/** Whether restic says that it will try something again, and why that failed. */
export function isRetryNotice(line: string): boolean {
  return retryNotice.test(line);
}

const retryNotice =
  /^(?<what>\w+\(.*?\)) (returned error, retrying after (?<delay>[\d.hmµns]+)|failed): (?<reason>.*)$/;

// These never get better within a run, however often restic tries.
const hopeless = new Set<ErrorCode>(["repository-full", "repository-missing", "command-failed"]);

// What restic does before it reads or writes any data.
const opening = /^(Stat\(<config\/|Load\(<config\/|Load\(<key\/|List\(<?key|Save\(<lock\/)/;

/** After so many failed attempts, some seconds apart, a server counts as not there. */
const patience = 3;

/**
 * Watches what restic says while it tries again, and gives up for it: restic itself goes on for
 * fifteen minutes, even when access is refused or the server is switched off. In the midst of a
 * transfer it may.
 */
export class Patience {
  readonly #subject: Subject;
  #attempts = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** What one line of standard error means, when it means the end. */
  hear(line: string): HoldfastError | undefined {
    const notice = retryNotice.exec(line)?.groups;
    if (notice?.["delay"] === undefined) return undefined;
    const error = explainFailure({ exitStatus: 1, stderr: notice["reason"] ?? "" }, this.#subject);
    const known = meanings.some(({ words }) => words.test(notice["reason"] ?? ""));
    if (known && hopeless.has(error.code)) return error;
    if (!opening.test(notice["what"] ?? "")) return undefined;
    this.#attempts += 1;
    return this.#attempts < patience ? undefined : error;
  }
}

function unexplained(ending: Ending, subject: Subject, cause: unknown): HoldfastError {
  const reason = plainLines(ending.stderr).findLast((line) => !isRetryNotice(line));
  const words = reason === undefined ? "" : `: ${reasonIn(reason)}`;
  const how =
    cause instanceof CommandFailed && cause.result.signal !== undefined
      ? `was ended by ${cause.result.signal}`
      : `failed with exit status ${ending.exitStatus}`;
  return new HoldfastError(
    "command-failed",
    `restic ${how} on repository "${subject.name}"${words}`,
    { cause },
  );
}

const longestReason = 300;

/** One line of restic's as part of a sentence of ours. */
function reasonIn(line: string): string {
  const reason = line.replace(/^(Fatal: |error: |subprocess ssh: )+/, "").replace(/[\s.]+$/, "");
  return reason.length > longestReason ? `${reason.slice(0, longestReason)}…` : reason;
}

/** Who holds the lock, as restic says it in two lines. */
function holder(words: string): string {
  const owner = /by PID (\d+) on (\S+) by (\S+)/.exec(words);
  const since = /lock was created at ([\d-]+ [\d:]+)/.exec(words);
  if (owner === null) return "";
  const [, pid, host, user] = owner;
  return ` (process ${pid} of ${user} on ${host}${since === null ? "" : `, since ${since[1]}`})`;
}
