// Knows: what is where in a staging folder. Pure. Must not know: how it gets there.
import { posix } from "node:path";
import type { DumpCompression } from "../../databases/database.ts";
import type { Instance } from "../../nextcloud/instance.ts";
import type { Capture } from "./options.ts";

/** Says that a folder may be emptied by this program. */
export const markerFile = ".holdfast-staging";
/** Says what was put together. */
export const manifestFile = "holdfast-nextcloud.json";
/** As the Nextcloud backup script called it. */
const dumpFile = "database_backup.bak";
export const extraFolder = "extra";
/** The folder of config.php, in `extra`. */
export const configFolder = "config";
/** A snapshot of the subvolume that the data directory is in. */
export const subvolumeFolder = ".subvolume";
/** What is made to find out whether it can be made. */
export const trialSnapshot = ".trial-snapshot";
export const trialFile = ".trial-file";

/** Names that the data directory cannot have, because something else has them. */
export const takenNames: ReadonlySet<string> = new Set([
  markerFile,
  manifestFile,
  dumpFile,
  extraFolder,
  subvolumeFolder,
  trialSnapshot,
  trialFile,
]);

/** Where things are put together for a data directory, unless the configuration says so. */
export function defaultStaging(data: string): string {
  return posix.join(posix.dirname(data), `.${posix.basename(data)}-holdfast`);
}

/** Who uses a staging folder, as a link beside it: what is in the folder is backed up. */
export function lockOf(staging: string): string {
  return posix.join(posix.dirname(staging), `.${posix.basename(staging)}.in-use`);
}

/** The name of a dump. */
export function dumpName(compress: DumpCompression): string {
  return `${dumpFile}${{ none: "", gzip: ".gz", zstd: ".zst" }[compress]}`;
}

const dumpNames = (["none", "gzip", "zstd"] as const).map(dumpName);

/** Everything of ours that can be in a staging folder, but for the data directory's own name and the marker. */
export const stagedNames: readonly string[] = [
  subvolumeFolder,
  trialSnapshot,
  trialFile,
  manifestFile,
  extraFolder,
  ...dumpNames,
  // As long as it is not proven whole.
  ...dumpNames.flatMap((name) => [`${name}.part`, `${name}.copying`]),
];

/** What a staging folder says of what is in it. */
export interface Manifest {
  readonly version: 1;
  readonly nextcloud: string;
  readonly instanceId: string;
  /** Relative to the staging folder; absolute when it was read in place. */
  readonly data: string;
  readonly config?: string;
  readonly database: {
    readonly kind: string;
    readonly name: string;
    readonly file: string;
    readonly compress: DumpCompression;
  };
  readonly tablePrefix: string;
  /** As Nextcloud sees it. */
  readonly dataDirectory: string;
  /** Where each of them was. */
  readonly extra: Readonly<Record<string, string>>;
  readonly capture: Capture;
  /** When the files were kept. */
  readonly made: string;
}

/** What a manifest is made of. */
export interface Made {
  readonly instance: Instance;
  readonly data: string;
  readonly hasConfig: boolean;
  readonly compress: DumpCompression;
  readonly extra: readonly string[];
  readonly capture: Capture;
  readonly made: Date;
}

/** The manifest of what was put together. */
export function manifestOf(of: Made): Manifest {
  const { instance, compress } = of;
  const { database } = instance;
  return {
    version: 1,
    nextcloud: instance.version,
    instanceId: instance.instanceId,
    data: of.data,
    ...(of.hasConfig ? { config: posix.join(extraFolder, configFolder) } : {}),
    database: {
      kind: database.kind,
      name: database.kind === "sqlite" ? posix.basename(database.file) : database.name,
      file: dumpName(compress),
      compress,
    },
    tablePrefix: instance.tablePrefix,
    dataDirectory: instance.dataDirectory,
    extra: Object.fromEntries(
      of.extra.map((path) => [posix.join(extraFolder, posix.basename(path)), path]),
    ),
    capture: of.capture,
    made: of.made.toISOString(),
  };
}

/**
 * What is handed over: the whole staging folder, as the Nextcloud backup script archived its own. Of a
 * subvolume that holds other things too, and of data that is read in place, only what belongs to the Nextcloud.
 */
export function handedOver(
  staging: string,
  { data, ...rest }: Pick<Manifest, "data" | "config" | "extra" | "database">,
): { readonly paths: readonly string[]; readonly root?: string } {
  const isOwn = !posix.isAbsolute(data) && !data.startsWith(`${subvolumeFolder}/`);
  if (isOwn) return { paths: [staging], root: staging };
  const hasExtra = rest.config !== undefined || Object.keys(rest.extra).length > 0;
  const others = [rest.database.file, ...(hasExtra ? [extraFolder] : []), manifestFile];
  const staged = others.map((name) => posix.join(staging, name));
  return posix.isAbsolute(data)
    ? { paths: [data, ...staged] }
    : { paths: [posix.join(staging, data), ...staged], root: staging };
}
