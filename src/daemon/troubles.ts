// Knows: what keeps the daemon from looking after its jobs, and for how long. Must not know: what its jobs are.
import { HoldfastError } from "../kernel/errors.ts";
import type { DaemonOptions } from "./daemon.ts";
import { inWords } from "./words.ts";

/** Without a journal nothing can be run. A daemon that is started again may find a better one. */
const hopelessMs = 3_600_000;

/** Problems that come back with every look at the clock, and are said once. */
export interface Troubles {
  /**
   * Says what is new among the problems of one look, and when all are over. Throws `journal-unusable`
   * when that has been the problem for an hour.
   */
  note(problems: readonly unknown[], now: Date): void;
}

/** A state without any trouble. */
export function newTroubles(say: DaemonOptions["say"]): Troubles {
  let said = new Set<string>();
  let unusableSince: Date | undefined;
  return {
    note(problems, now) {
      const words = new Set(problems.map(inWords));
      for (const text of words.difference(said)) say("error", text);
      if (said.size > 0 && words.size === 0) say("info", "looking after the jobs again");
      said = words;

      const unusable = problems.find(isUnusableJournal);
      if (unusable === undefined) {
        unusableSince = undefined;
        return;
      }
      unusableSince ??= now;
      if (now.getTime() - unusableSince.getTime() > hopelessMs) throw unusable;
    },
  };
}

function isUnusableJournal(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.code === "journal-unusable";
}
