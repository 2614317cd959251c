// Knows: every failure this program explains to its user. Must not know: who shows it.

/**
 * Every failure a user can act on: what it does to the exit status, and whether trying the same
 * again later can help. Anything that is not in this table is a bug and ends with exit status 70.
 */
export const errorCodes = {
  "usage-invalid": { exit: 2, retry: false },
  "config-missing": { exit: 2, retry: false },
  "config-invalid": { exit: 2, retry: false },
  "unknown-name": { exit: 2, retry: false },
  "target-invalid": { exit: 2, retry: false },
  "secret-unavailable": { exit: 1, retry: false },
  "source-missing": { exit: 1, retry: false },
  "source-unreadable": { exit: 1, retry: false },
  "dump-failed": { exit: 1, retry: true },
  "database-unusable": { exit: 1, retry: true },
  "maintenance-failed": { exit: 1, retry: true },
  "window-exceeded": { exit: 1, retry: true },
  "object-missing": { exit: 1, retry: false },
  "object-changed": { exit: 1, retry: true },
  "store-unusable": { exit: 1, retry: true },
  "volume-away": { exit: 75, retry: false },
  "volume-lost": { exit: 1, retry: true },
  "unlock-failed": { exit: 1, retry: false },
  "mount-failed": { exit: 1, retry: true },
  "unmount-failed": { exit: 1, retry: true },
  "host-unreachable": { exit: 1, retry: true },
  "repository-missing": { exit: 10, retry: false },
  "repository-exists": { exit: 1, retry: false },
  "repository-locked": { exit: 11, retry: true },
  "repository-full": { exit: 1, retry: true },
  "repository-damaged": { exit: 1, retry: false },
  "repository-unsupported": { exit: 1, retry: false },
  "deletion-refused": { exit: 1, retry: false },
  "password-wrong": { exit: 12, retry: false },
  busy: { exit: 11, retry: true },
  "snapshot-missing": { exit: 2, retry: false },
  "evidence-missing": { exit: 1, retry: true },
  "check-failed": { exit: 1, retry: false },
  "hook-failed": { exit: 1, retry: true },
  "tool-missing": { exit: 1, retry: false },
  "tool-too-old": { exit: 1, retry: false },
  "command-failed": { exit: 1, retry: true },
  "timed-out": { exit: 1, retry: true },
  "notification-failed": { exit: 1, retry: true },
  "journal-unusable": { exit: 1, retry: false },
  "upstream-failed": { exit: 1, retry: false },
  interrupted: { exit: 130, retry: false },
} as const satisfies Record<string, { exit: number; retry: boolean }>;

/** The name of one failure in `errorCodes`. Scripts may rely on it. */
export type ErrorCode = keyof typeof errorCodes;

/** What a failure carries besides its sentence. */
export interface ErrorDetails {
  /** One sentence that says what to do next, with the command to type where there is one. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * A failure that the user can act on: a stable code, one sentence without a final stop, and a hint.
 * Neither message nor hint may hold a secret.
 */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "HoldfastError";
    this.code = code;
    this.hint = details.hint;
  }
}

/** Whether trying again later can help. A bug is never tried again. */
export function isRetriable(error: unknown): boolean {
  return error instanceof HoldfastError && errorCodes[error.code].retry;
}

/** The exit status of the program when this failure ends it: 70 for a bug. */
export function exitStatusOf(error: unknown): number {
  return error instanceof HoldfastError ? errorCodes[error.code].exit : 70;
}
