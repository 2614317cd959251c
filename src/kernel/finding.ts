// Knows: what an examination says of one precondition. Must not know: who examines, and who shows it.

/** One precondition, whether it holds, and what mends it. Published by `doctor --json`. */
export interface Finding {
  /** Stable, in kebab case. Scripts may rely on it. */
  readonly code: string;
  /** `away` is no fault: a drive that is not plugged in, a host that is asleep. */
  readonly severity: "ok" | "away" | "warning" | "error";
  /** The thing it is about, such as `volume usb`. */
  readonly subject: string;
  readonly message: string;
  /** The exact command that mends it, over ssh where the thing is elsewhere, or a sentence. */
  readonly hint?: string;
}
