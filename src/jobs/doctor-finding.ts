// Knows: how findings of an examination are put. Must not know: what is examined.
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";

/** A precondition that holds. */
export function ok(code: string, subject: string, message: string): Finding {
  return { code, severity: "ok", subject, message };
}

/** A precondition that nobody could look at, because what it is behind is away. */
export function notExamined(code: string, subject: string, behind: string): Finding {
  return { code, severity: "away", subject, message: `not examined: ${behind}` };
}

/** A failure as a finding. That a volume or a machine of ours has gone away meanwhile is no fault. */
export function failed(subject: string, error: HoldfastError, awayCodes = goneAway): Finding {
  const { code, message, hint } = error;
  const severity = awayCodes.has(code) ? "away" : "error";
  return { code, severity, subject, message, ...(hint === undefined ? {} : { hint }) };
}

const goneAway: ReadonlySet<string> = new Set(["volume-away", "host-unreachable"]);

/**
 * Looks at one thing, whatever happens: a failure that the user can act on is the finding. An
 * interruption ends the examination; anything else is a bug.
 */
export async function looked(
  subject: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    return [failed(subject, error)];
  }
}
