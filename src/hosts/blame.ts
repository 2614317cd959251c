// Knows: which stage of a failed pipeline is the cause. Must not know: processes.
import type { CommandResult } from "./host.ts";

/** How one stage ended, as far as blame goes. */
export interface StageVerdict {
  readonly ok: boolean;
  readonly result: CommandResult;
  /** Holdfast ended it, because its reader had failed. */
  readonly wasEnded: boolean;
  /**
   * When it had ended, or could write no more, on a clock that only goes forward. Of two that ended together the
   * earlier stage has no later time.
   */
  readonly endedAt: number;
}

// A reader that goes away with bytes unread resets the joint between them, which is a socket pair
// and not a pipe: tools then report this instead of dying of SIGPIPE. mariadb-dump tells the number alone.
const readerGone = /broken pipe|EPIPE|connection reset by peer|ECONNRESET|errno (?:32|104)\b/i;
const sigpipeStatus = 141;

/**
 * The stage to blame, as an index; undefined when all went well.
 *
 * A failure spreads both ways. Downwards, a stage that fails leaves its readers half an input, about
 * which they may complain later; upwards, it leaves its writers without a reader, and these say so
 * (SIGPIPE, or a broken pipe on standard error). So: of the stages that failed, those that only
 * lost their reader, or were ended by us for that reason, are left aside; of the others the one
 * that ended first is the cause, and of two that were seen to end together the earlier stage. Where none is left, the last one that failed is blamed, because
 * its reader, though content, did not read to the end.
 */
export function stageToBlame(stages: readonly StageVerdict[]): number | undefined {
  const failed = stages.map((stage, index) => ({ ...stage, index })).filter(({ ok }) => !ok);
  const causes = failed.filter((stage) => !stage.wasEnded && !lostItsReader(stage, stages));
  const [first] = causes.toSorted((a, b) => a.endedAt - b.endedAt);
  return (first ?? failed.at(-1))?.index;
}

function lostItsReader(
  { index, result }: { readonly index: number; readonly result: CommandResult },
  stages: readonly StageVerdict[],
): boolean {
  if (index === stages.length - 1) return false;
  const { signal, exitStatus, stderr } = result;
  return signal === "SIGPIPE" || exitStatus === sigpipeStatus || readerGone.test(stderr);
}
