// Knows: how the endings of several jobs become one exit status. Must not know: why a job ended so.

/** What one job contributes. */
export interface JobEnding {
  readonly exitStatus: number;
  /** Nothing could be tried, because a volume or a host is away. */
  readonly away: boolean;
}

const interrupted = 130;
const bug = 70;
const warning = 3;
const nothingCouldRun = 75;
const failed = 1;

/**
 * The exit status for several jobs. An interruption or a bug is said before all else. Then
 * failures: when they all have the same exit status it is that one (so one failing job gives its
 * own), else 1. Without a failure, 3 when anything ended with warnings. With `strict`, 75 when
 * nothing at all could run because volumes or hosts are away. Else 0.
 */
export function combinedExitStatus(
  endings: readonly JobEnding[],
  { strict }: { readonly strict: boolean },
): number {
  // What is away is no failure, whatever exit status its error would have alone.
  const statuses = new Set(endings.map((ending) => (ending.away ? 0 : ending.exitStatus)));
  if (statuses.has(interrupted)) return interrupted;
  if (statuses.has(bug)) return bug;

  const failures = [...statuses].filter((status) => status !== 0 && status !== warning);
  const [first] = failures;
  if (first !== undefined) return failures.length === 1 ? first : failed;
  if (statuses.has(warning)) return warning;
  const nothing = endings.length > 0 && endings.every(({ away }) => away);
  return strict && nothing ? nothingCouldRun : 0;
}
