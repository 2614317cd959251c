// Knows: what every part of a journal works with. Must not know: any of the parts.
import type { Database } from "./database.ts";
import type { Processes } from "./owner.ts";

/** The file, the clock and the processes of one open journal. */
export interface JournalParts {
  readonly database: Database;
  readonly now: () => Date;
  readonly processes: Processes;
}
