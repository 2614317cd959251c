// Knows: how something is done beside the loop. Must not know: what.

/** Work that nobody waits for while it is done, one piece at a time. */
export interface Errand {
  /** Begins some work, unless the last is not done yet: whoever asks will ask again. */
  begin(work: () => Promise<void>): void;
  /** Resolves when nothing is being done. */
  idle(): Promise<void>;
}

/** An errand whose failures go to `failed`. */
export function newErrand(failed: (error: unknown) => void): Errand {
  let current: Promise<void> | undefined;
  return {
    begin(work) {
      current ??= work()
        .catch(failed)
        .finally(() => {
          current = undefined;
        });
    },
    idle: async () => await current,
  };
}
