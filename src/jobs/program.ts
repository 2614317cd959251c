// Knows: what everything in this room works with. Built once, in main.
import type { Config } from "../config/config.ts";
import type { Host } from "../hosts/host.ts";
import type { Journal, Trigger } from "../journal/journal.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";

/** A loaded configuration with the edges it acts through. */
export interface Program {
  readonly config: Config;
  readonly journal: Journal;
  readonly host: Host;
  readonly secret: ResolveSecret;
  readonly now: () => Date;
}

/** A verb that `run` may consist of. */
export type Verb = "backup" | "copy" | "forget" | "prune" | "check";

/** What a person or the daemon asks of some jobs. */
export interface RunRequest {
  /** Names; checked already. */
  readonly jobs: readonly string[];
  readonly verbs: ReadonlySet<Verb>;
  readonly trigger: Trigger;
  readonly labels: readonly string[];
  readonly full: boolean;
}
