// Knows: what is left to be done when a Nextcloud was put back, and what a person does next. Must not know: how it was put back.
import { HoldfastError } from "../../kernel/errors.ts";
import { runOcc } from "../../nextcloud/index.ts";
import type { ReinstateWork } from "../reinstatement.ts";
import type { Exchanged, Parts } from "./reinstate-exchange.ts";

/** What was done, and what it was done with. */
export interface Settling extends Parts {
  readonly state: Exchanged;
}

/** What is told of it. */
export interface Settled {
  readonly notes: readonly string[];
  readonly next: readonly string[];
}

// Switching is tried many times, with growing waits.
const patienceMs = 10 * 60_000;
const dayMs = 24 * 60 * 60_000;

/** Ends maintenance, where that is ours, and lets Nextcloud look through its files. What fails is told. */
export async function settle(settling: Settling, work: ReinstateWork): Promise<Settled> {
  const { decided, state, upgradeDue } = settling;
  const { present, places } = decided;
  const isOver = state.maintenance !== undefined;
  if (state.maintenance !== undefined) {
    work.tell("switching maintenance off");
    await state.maintenance.switchOff(AbortSignal.timeout(patienceMs));
  }
  await state.replacement.finish();
  const occ = present.access.occ.join(" ");
  const upgrade = upgradeDue ? [`let it upgrade to the installed version: ${occ} upgrade`] : [];
  const wake = isOver ? [] : [`end maintenance when you are ready: ${occ} maintenance:mode --off`];
  const scan = [`let it look through all files: ${occ} files:scan --all`];
  const needed = !present.hasObjectStore;
  const scanned = needed && isOver && !upgradeDue ? await look(settling, work) : undefined;
  const left = needed && scanned !== "done" ? scan : [];
  return {
    notes: scanned === undefined || scanned === "done" ? [] : [scanned.reason],
    next: [
      ...upgrade,
      ...wake,
      ...left,
      "log in and look whether all is there",
      `then remove what was there before: rm -r -- ${places.kept}`,
    ],
  };
}

async function look(
  { decided }: Settling,
  { signal, tell }: ReinstateWork,
): Promise<"done" | { readonly reason: string }> {
  tell("letting Nextcloud look through all files; it can be used meanwhile");
  try {
    const words = ["files:scan", "--all"] as const;
    const request = { words, effect: "writes", timeoutMs: dayMs } as const;
    await runOcc(decided.present.access, request, signal);
    return "done";
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { reason: `all is put back, but its files were not looked through: ${error.message}` };
  }
}
