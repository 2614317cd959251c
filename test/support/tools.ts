// Knows: what a test does without what it needs. Must not know: what it needs it for.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { findExecutable } from "../../src/hosts/executable.ts";

/**
 * For `skip`: a reason when one of these programs is missing here, else false. In CI a missing program is
 * an error.
 */
export function withoutTools(...programs: readonly string[]): string | false {
  const missing = programs.filter(
    (program) => findExecutable(program, process.env).kind !== "found",
  );
  if (missing.length === 0) return false;
  return reasonToSkip(`not installed: ${missing.join(", ")}`);
}

/** For `skip`: a reason when this clone cannot be used by others, as in the home of root, else false. */
export function withoutOtherUsers(): string | false {
  if (process.getuid?.() !== 0) return "only root can become another user";
  let folder = import.meta.dirname;
  while (folder !== "/" && (statSync(folder).mode & 0o001) !== 0) folder = dirname(folder);
  return folder === "/" ? false : reasonToSkip(`other users cannot enter ${folder}`);
}

function reasonToSkip(reason: string): string {
  if (process.env["CI"] === "true") throw new Error(reason);
  return reason;
}
