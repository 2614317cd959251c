// Knows: what a test does without its tools. Must not know: what they are for.
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
  const reason = `not installed: ${missing.join(", ")}`;
  if (process.env["CI"] === "true") throw new Error(reason);
  return reason;
}
