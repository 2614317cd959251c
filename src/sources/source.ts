// Knows: what the program may take for granted of anything that is backed up. Must not know: any of it.
import { HoldfastError } from "../kernel/errors.ts";
import type { Host } from "../hosts/host.ts";
import type { Finding } from "../kernel/finding.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { Place } from "../kernel/place.ts";
import type { PreparedSource, SourceKind } from "../kernel/prepared-source.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";
import type { Reinstatement, ReinstateWish } from "./reinstatement.ts";

/** What a source's schema parses into. */
export interface SourceSpec {
  readonly kind: SourceKind;
  /** As the configuration wrote it; what messages call it. */
  readonly label: string;
  /**
   * Where it is; `config` fills in the volume. Of a repository: its name. Of an application: a folder on
   * its machine. Of what is at no path (a bucket): its own name.
   */
  readonly at: string;
  /** It is at no path of a machine. */
  readonly placeless?: true;
  /** It is the newest snapshot of another job's repository. */
  readonly repository?: true;
  /** It is an application: preparing it may halt it, so it is prepared for a backup only. */
  readonly application?: true;
  open(access: SourceAccess): Source;
}

export interface SourceAccess {
  /** The machine that it is on. */
  readonly host: Host;
  /** Where the newest snapshot of its repository can be read; nothing when there is none yet. */
  readonly newestSnapshot: (signal: AbortSignal) => Promise<string | undefined>;
  /** The absolute path of `at`, with the volume's path filled in. */
  readonly location: string;
  readonly ledger: Ledger;
  readonly secret: ResolveSecret;
}

/** A source as it is now. Missing and empty are told apart: the first fails, the second is suspicious. */
export type SourceState =
  | { readonly kind: "ready"; readonly empty: boolean }
  | { readonly kind: "missing"; readonly reason: string }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Why a source cannot be backed up now: `source-missing` or `source-unreadable`, with its kind's own hint. */
export function notReady(
  label: string,
  { kind, reason }: Exclude<SourceState, { kind: "ready" }>,
  hints: Readonly<Record<"missing" | "unreadable", string>>,
): HoldfastError {
  const code = kind === "missing" ? "source-missing" : "source-unreadable";
  const message = `source "${label}" cannot be backed up: ${reason}`;
  return new HoldfastError(code, message, { hint: hints[kind] });
}

export interface Source {
  readonly label: string;
  /** Where it will be read, where that is known beforehand. */
  readonly paths: readonly string[];
  observe(signal: AbortSignal): Promise<SourceState>;
  /** Makes it safe to read. Throws `source-missing` or `source-unreadable`. */
  prepare(signal: AbortSignal): Promise<PreparedSource>;
  /** Preconditions that are its own, and what was found of it, with the command that mends each. Reads only. */
  examine?(signal: AbortSignal): Promise<readonly Finding[]>;
  /**
   * Decides how a restored copy would be put back into service; reads only. Throws `target-invalid` where it
   * cannot be. Absent: its files are moved into place by hand.
   */
  reinstate?(wish: ReinstateWish, signal: AbortSignal): Promise<Reinstatement>;
}

/** A source together with the place that the configuration gave it. */
export interface PlacedSource {
  readonly spec: SourceSpec;
  readonly place: Place;
}
