// Knows: which archives a folder holds, and what lies beside them. Must not know: how archives are made.
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { JobIdentity } from "../engine.ts";
import { type Manifest, readManifests } from "./manifest.ts";
import { type ArchiveName, markerFile, parseArchiveName } from "./names.ts";

/** One archive that is complete. */
export interface Archive extends ArchiveName {
  /** Bytes of the file. */
  readonly size: number;
  readonly manifest?: Manifest;
  /** The full archive that a differential one needs. Absent for full ones, and when there is none. */
  readonly base?: string;
  /** Other files of the same archive: the predecessor's in clear, and encrypted. */
  readonly twins?: readonly string[];
}

/** A folder of archives, as it was looked at. */
export interface Contents {
  /** Oldest first. */
  readonly archives: readonly Archive[];
  /** Archives whose size is not what their manifest says: something has cut them short. They are not listed. */
  readonly broken: readonly Archive[];
  /** Every file's name with its size. */
  readonly files: ReadonlyMap<string, number>;
}

/** A folder on a host. */
export interface Folder {
  readonly host: Host;
  readonly path: string;
  /** The repository's name, for messages. */
  readonly name: string;
}

const manifestsIn = "-maxdepth 1 -type f -name *.manifest.json ! -name .* -exec cat -- {} +".split(
  " ",
);

/** Looks at a folder of archives. Throws `repository-missing`. */
export async function lookInto(folder: Folder, signal: AbortSignal): Promise<Contents> {
  const files = await filesIn(folder, signal);
  if (files === undefined || !isRepository(files)) throw missing(folder);
  const { stdout } = await folder.host.run(
    {
      argv: ["find", `${folder.path}/`, ...manifestsIn],
      effect: "reads",
    },
    signal,
  );
  return contentsOf(files, readManifests(stdout));
}

/** Whether there is a repository: one that was made by us, or archives of the Nextcloud backup script. */
export async function isThere(folder: Folder, signal: AbortSignal): Promise<boolean> {
  const files = await filesIn(folder, signal);
  return files !== undefined && isRepository(files);
}

function isRepository(files: ReadonlyMap<string, number>): boolean {
  return (
    files.has(markerFile) || [...files.keys()].some((file) => parseArchiveName(file) !== undefined)
  );
}

/** The files of a folder with their sizes; undefined when there is no folder. */
async function filesIn(
  { host, path, name }: Folder,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number> | undefined> {
  const [state] = await host.inspect([path], signal);
  if (state === undefined || state.kind === "missing") return undefined;
  if (state.kind === "unreadable") {
    throw new HoldfastError(
      "command-failed",
      `repository "${name}" at ${path} cannot be read: ${state.reason}`,
    );
  }
  if (state.kind !== "directory") return undefined;
  const { stdout } = await host.run(
    {
      argv: ["find", `${path}/`, "-maxdepth", "1", "-type", "f", "-printf", "%s %f\\0"],
      effect: "reads",
    },
    signal,
  );
  return new Map(
    stdout.split("\0").flatMap((entry) => {
      const [, size, file] = /^(\d+) (.*)$/s.exec(entry) ?? [];
      return file === undefined ? [] : [[file, Number(size)] as const];
    }),
  );
}

/** Which archives these files are. Pure. */
export function contentsOf(
  files: ReadonlyMap<string, number>,
  manifests: ReadonlyMap<string, Manifest>,
): Contents {
  const named = [...files].flatMap(([file, size]) => {
    const name = parseArchiveName(file);
    if (name === undefined) return [];
    const manifest = manifests.get(name.id);
    const time = manifest?.time ?? name.time;
    return [{ ...name, time, size, ...(manifest === undefined ? {} : { manifest }) }];
  });
  // Of the predecessor's archive in clear and the same one encrypted, the encrypted one is complete: it is
  // removed in clear only when that is so.
  const byId = Map.groupBy(named, ({ id }) => id).values();
  const single = [...byId].flatMap((same) => {
    const clear = same.find(({ encrypt }) => encrypt === "none");
    const chosen = clear ?? same[0];
    if (chosen === undefined) return [];
    const twins = same.filter((each) => each !== chosen).map((each) => each.file);
    return [twins.length === 0 ? chosen : { ...chosen, twins }];
  });
  const { whole = [], broken = [] } = Object.groupBy(single, ({ manifest, size }) =>
    manifest === undefined || manifest.size === size ? "whole" : "broken",
  );
  const archives = whole.toSorted(inOrder);
  return { files, broken, archives: archives.map((archive) => withBase(archive, archives)) };
}

/** The ids of all archives of which there is a file. */
export function idsIn({ archives, broken }: Contents): ReadonlySet<string> {
  return new Set([...archives, ...broken].map(({ id }) => id));
}

/** Of the same hour the full archive is first: the other one may need it. */
function inOrder(a: Archive, b: Archive): number {
  const byKind = Number(b.kind === "full") - Number(a.kind === "full");
  return a.time.getTime() - b.time.getTime() || byKind || (a.id < b.id ? -1 : 1);
}

/** By its manifest, else by time: the predecessor's script began each with the newest full one's state. */
function withBase(archive: Archive, archives: readonly Archive[]): Archive {
  if (archive.kind === "full") return archive;
  const before = archives.filter(({ kind, time }) => kind === "full" && time <= archive.time);
  const base = archive.manifest?.base ?? before.at(-1)?.id;
  return base === undefined ? archive : { ...archive, base };
}

/** The newest full archive of a job. Without a manifest it is the predecessor's, which the job continues. */
export function newestFull({ archives }: Contents, job: string): Archive | undefined {
  return archives.findLast(
    ({ kind, manifest }) => kind === "full" && (manifest === undefined || manifest.job === job),
  );
}

/** All archives of a job are states of one thing. */
export const series = "archives";

/** What the rest of the program calls an archive. */
export function snapshotOf(archive: Archive, job: JobIdentity): Snapshot {
  const { id, time, kind, base, manifest } = archive;
  // Without a manifest the predecessor's script made it, which this repository is a continuation of.
  const ours = manifest === undefined || manifest.job === job.name;
  return {
    id,
    time,
    kind,
    origin: id,
    labels: manifest?.labels ?? [],
    paths: manifest?.paths ?? [],
    ...(ours ? { series } : {}),
    ...(base === undefined ? {} : { base }),
    ...(manifest?.bytes === undefined ? {} : { bytes: manifest.bytes }),
    ...(manifest?.files === undefined ? {} : { files: manifest.files }),
  };
}

function missing({ name, path }: Pick<Folder, "name" | "path">): HoldfastError {
  return new HoldfastError("repository-missing", `repository "${name}" does not exist at ${path}`, {
    hint: "create it with: holdfast init",
  });
}
