// Knows: how restic's check tells damage from being unable to look. Must not know: what is done about damage.
import { HoldfastError } from "../../kernel/errors.ts";
import type { CheckLevel, CheckResult, Work } from "../engine.ts";
import { checkCommand } from "./commands.ts";
import { isRetryNotice } from "./errors.ts";
import { parseCount, plainLines } from "./output.ts";
import type { Restic } from "./restic.ts";

// What check says besides naming a problem: its verdict, and advice that spans several lines.
const noProblem =
  /^Fatal: repository contains errors|^The repository (contains damaged|is damaged and|index is damaged and)|^restic repair |^Damaged pack files can be caused|^using temporary cache|^create exclusive lock|^signal /;

// So many problems are told one by one.
const toldProblems = 100;

/** Checks a repository. What is wrong with it is the answer; throws only when it could not be looked at. */
export async function checkRepository(
  restic: Restic,
  level: CheckLevel,
  work: Work,
): Promise<CheckResult> {
  const problems: string[] = [];
  let count = 0;
  try {
    await restic.run(checkCommand(restic.setting, level), {
      signal: work.signal,
      stdoutLine(line) {
        const current = parseCount(line);
        if (current !== undefined) work.progress({ current });
      },
      stderrLine(line) {
        for (const text of plainLines(line)) {
          if (noProblem.test(text) || isRetryNotice(text)) continue;
          count += 1;
          if (problems.length < toldProblems) problems.push(sentence(text));
        }
      },
    });
    return { problems: [] };
  } catch (error) {
    // A repository that is too damaged to be opened is damaged all the same.
    if (!(error instanceof HoldfastError) || error.code !== "repository-damaged") throw error;
    if (problems.length === 0) return { problems: [error.message] };
  }
  const more = count - problems.length;
  return { problems: more === 0 ? problems : [...problems, `and ${more} more`] };
}

function sentence(line: string): string {
  return line.replace(/^\s*(Fatal: |error: )*/, "").trim();
}
