// Knows: what failures of file systems mean to a repository. Must not know: what was being done.
import { CommandFailed } from "../../hosts/command-failed.ts";
import { HoldfastError } from "../../kernel/errors.ts";

/** The code of a failed system call, such as `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Puts a failed system call or command into the words of a repository. Everything else is passed on. */
export function explain(error: unknown, repository: string): unknown {
  if (error instanceof CommandFailed) {
    const full = /No space left on device|Disk quota exceeded/.test(error.result.stderr);
    return full ? noSpace(repository, error) : error;
  }
  if (error instanceof HoldfastError) return error;
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error) || !("syscall" in error)) return error;
  return failedCall({ code, message: error.message, repository, cause: error });
}

/** A failed system call as an error of this repository. */
export function failedCall(failed: {
  readonly code: string;
  readonly message: string;
  readonly repository: string;
  readonly cause?: unknown;
}): HoldfastError {
  const { code, message, repository, cause } = failed;
  if (code === "ENOSPC" || code === "EDQUOT") return noSpace(repository, cause);
  const sentence = `repository "${repository}" cannot be used: ${message}`;
  const because = cause === undefined ? {} : { cause };
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new HoldfastError("command-failed", sentence, {
      ...because,
      hint: "make its folder writable for the user that runs Holdfast: see holdfast doctor",
    });
  }
  return new HoldfastError("command-failed", sentence, because);
}

function noSpace(repository: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    "repository-full",
    `there is no space left for repository "${repository}"`,
    {
      hint: "make room there: holdfast forget, or a shorter `keep`",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
