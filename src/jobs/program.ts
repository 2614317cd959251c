// Knows: what everything in this room works with, and what it is asked for. Built once, in main.
import type { Config } from "../config/config.ts";
import type { Hosts } from "../hosts/hosts.ts";
import { readOnlyHosts } from "../hosts/read-only.ts";
import type { Journal, Trigger } from "../journal/journal.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";

/** A loaded configuration with the edges it acts through. */
export interface Program {
  readonly config: Config;
  readonly journal: Journal;
  readonly hosts: Hosts;
  readonly secret: ResolveSecret;
  readonly now: () => Date;
}

/** The same program, unable to change anything on any host. */
export function onlyLooking(program: Program): Program {
  return { ...program, hosts: readOnlyHosts(program.hosts) };
}

/** What a run may consist of, in the order in which it happens. */
export const verbs = ["backup", "copy", "forget", "prune", "check"] as const;
export type Verb = (typeof verbs)[number];

/** What a person or the daemon asks of some jobs. */
export interface RunRequest {
  /** Names of configured jobs, in the order in which they are reported. */
  readonly jobs: readonly string[];
  readonly verbs: ReadonlySet<Verb>;
  readonly trigger: Trigger;
  /** Jobs that something else made start than `trigger`. */
  readonly triggers?: ReadonlyMap<string, Trigger>;
  readonly labels: readonly string[];
  readonly full: boolean;
  /** A source that has lost most of its files, or all, is to be followed. */
  readonly allowDeletions: boolean;
  /**
   * Jobs that are not among these, and that ended since then, count as part of this: what they came to
   * matters to those that read their snapshots.
   */
  readonly since?: Date;
}
