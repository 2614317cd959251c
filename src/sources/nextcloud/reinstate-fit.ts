// Knows: whether a copy of a Nextcloud fits the one that is there. Pure. Must not know: how either was looked at.
import { HoldfastError } from "../../kernel/errors.ts";
import { naturalOrder } from "../../nextcloud/natural-order.ts";
import type { ReinstateWish } from "../reinstatement.ts";
import type { CopiedNextcloud } from "./reinstate-copy.ts";

/** What is there now, as far as it could be asked. */
export interface PresentNextcloud {
  readonly version?: string;
  readonly instanceId: string;
  readonly dataDirectory: string;
  readonly databaseKind: string;
  /** Whether its configuration can be put back. */
  readonly takesSettings: boolean;
}

/** What follows from how well it fits. */
export interface Fit {
  /** What is not as one would expect, as sentences. */
  readonly notes: readonly string[];
  /** The copy is older than the code: nothing but core commands of occ work until it is upgraded. */
  readonly upgradeDue: boolean;
}

/** Throws `target-invalid` for what does not fit, and is not wanted nevertheless. */
export function fitOf(
  copied: CopiedNextcloud | undefined,
  present: PresentNextcloud,
  wish: Pick<ReinstateWish, "force" | "settings">,
): Fit {
  if (copied === undefined) {
    return { notes: ["nothing in the snapshot says of which Nextcloud it is"], upgradeDue: false };
  }
  if (copied.databaseKind !== present.databaseKind) {
    throw new HoldfastError(
      "target-invalid",
      `the snapshot holds a database of ${copied.databaseKind}, and this Nextcloud uses ${present.databaseKind}`,
      { hint: `make it use ${copied.databaseKind}, or restore with --target DIRECTORY` },
    );
  }
  const doubts = [
    anotherInstance(copied, present),
    anotherVersion(copied, present),
    withoutSettings(copied, present, wish),
  ].filter((doubt) => doubt !== undefined);
  const [first] = doubts;
  if (first !== undefined && !wish.force) {
    throw new HoldfastError("target-invalid", first.message, {
      hint: `${first.hint}; or say --force`,
    });
  }
  const older = present.version !== undefined && order(copied.nextcloud, present.version) < 0;
  return {
    notes: [...doubts.map(({ message }) => message), ...movedData(copied, present)],
    upgradeDue: older,
  };
}

interface Doubt {
  readonly message: string;
  readonly hint: string;
}

function anotherInstance(
  { instanceId }: CopiedNextcloud,
  present: PresentNextcloud,
): Doubt | undefined {
  if (present.instanceId === "" || instanceId === present.instanceId) return undefined;
  return {
    message: `the snapshot is of another Nextcloud (${instanceId}) than the one that is there (${present.instanceId})`,
    hint: "on a server that was set up anew this is as it should be",
  };
}

function anotherVersion(
  { nextcloud }: CopiedNextcloud,
  { version }: PresentNextcloud,
): Doubt | undefined {
  if (version === undefined) return undefined;
  if (order(nextcloud, version) > 0) {
    return {
      message: `the snapshot is of Nextcloud ${nextcloud}, which is newer than ${version}, which is installed`,
      hint: `install Nextcloud ${nextcloud} first: a newer database cannot be used`,
    };
  }
  if (majorOf(version) - majorOf(nextcloud) <= 1) return undefined;
  return {
    message: `the snapshot is of Nextcloud ${nextcloud}, and from there to ${version} it cannot be upgraded in one step`,
    hint: `install Nextcloud ${majorOf(nextcloud) + 1} or ${majorOf(nextcloud)} first`,
  };
}

/** Settings of another state than the database's: its version and its secrets. */
function withoutSettings(
  copied: CopiedNextcloud,
  present: PresentNextcloud,
  { settings }: Pick<ReinstateWish, "settings">,
): Doubt | undefined {
  if (settings !== "current" && present.takesSettings) return undefined;
  const isSame =
    copied.instanceId === present.instanceId &&
    (present.version === undefined || order(copied.nextcloud, present.version) === 0);
  if (isSame) return undefined;
  return {
    message: `the settings that are there belong to another state of Nextcloud than the snapshot's ${copied.nextcloud}`,
    hint:
      settings === "current"
        ? "leave out --settings current"
        : "name the folder of config.php as `config` of the source",
  };
}

function movedData(copied: CopiedNextcloud, present: PresentNextcloud): readonly string[] {
  if (copied.dataDirectory === present.dataDirectory) return [];
  return [
    `the data directory was ${copied.dataDirectory} and is ${present.dataDirectory} now: previews and other data of apps are found again with occ files:scan-app-data`,
  ];
}

function order(one: string, other: string): number {
  return naturalOrder(one, other);
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}
