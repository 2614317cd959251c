// Knows: how it is put whether a database can be used. Must not know: how that is found out.
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";

/** What a database said of itself. */
export interface Sight {
  /** Sentences without a final stop: what answered. */
  readonly says: string;
  /** What speaks against its dumps. */
  readonly doubts: readonly string[];
}

/** Looks at a database, whatever happens: a failure that the user can act on is the finding. */
export async function findingsOf(
  subject: string,
  look: () => Promise<Sight>,
): Promise<readonly Finding[]> {
  try {
    const { says, doubts } = await look();
    return [
      { code: "database", severity: "ok", subject, message: says },
      ...doubts.map((message): Finding => ({
        code: "database-inconsistent",
        severity: "warning",
        subject,
        message,
      })),
    ];
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { code, message, hint } = error;
    const severity = code === "host-unreachable" ? "away" : "error";
    return [{ code, severity, subject, message, ...(hint === undefined ? {} : { hint }) }];
  }
}
