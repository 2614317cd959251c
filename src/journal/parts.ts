// Knows: what every part of a journal works with. Must not know: any of the parts.
import type { Database } from "./database.ts";
import type { Processes } from "./owner.ts";
import type { SignsOfLife } from "./sign-of-life.ts";

/** The file, the clock, the processes and their signs of life, of one open journal. */
export interface JournalParts {
  readonly database: Database;
  readonly now: () => Date;
  readonly processes: Processes;
  readonly signs: SignsOfLife;
}
