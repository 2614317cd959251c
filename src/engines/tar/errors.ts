// Knows: what the failures of tar, ciphers and file tools mean. Must not know: which command comes next.
import { CommandFailed } from "../../hosts/command-failed.ts";
import { HoldfastError } from "../../kernel/errors.ts";

/** Puts a failed command into the words of a repository. Everything else is passed on. */
export function explain(error: unknown, repository: string): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const { stderr } = error.result;
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    const message = `there is no space left for repository "${repository}"`;
    return new HoldfastError("repository-full", message, {
      hint: "make room there: holdfast forget, or a shorter `keep`",
      cause: error,
    });
  }
  if (/Bad session key|no identity matched|incorrect passphrase|bad passphrase/i.test(stderr)) {
    const message = `the passphrase or key does not open the archives of repository "${repository}"`;
    return new HoldfastError("password-wrong", message, {
      hint: "archives keep the passphrase that they were made with: see `encrypt` in the configuration",
      cause: error,
    });
  }
  if (/No secret key|no identity/i.test(stderr)) {
    const message = `no secret key here opens the archives of repository "${repository}"`;
    return new HoldfastError("password-wrong", message, {
      hint: "import the secret key, or name its file with `identity`",
      cause: error,
    });
  }
  return error;
}
