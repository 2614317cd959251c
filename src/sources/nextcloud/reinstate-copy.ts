// Knows: what is where in a restored copy of a Nextcloud, whichever engine restored it. Must not know: what is done with it.
import { posix } from "node:path";
import * as z from "zod";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { RestoredCopy } from "../reinstatement.ts";
import { configFolder, dumpName, extraFolder, manifestFile } from "./layout.ts";

const Manifest = z.object({
  version: z.literal(1),
  nextcloud: z.string(),
  instanceId: z.string(),
  data: z.string(),
  config: z.string().optional(),
  database: z.object({ kind: z.string(), file: z.string() }),
  dataDirectory: z.string(),
  extra: z.record(z.string(), z.string()).default({}),
});

/** What a copy says of the Nextcloud that it was made of. */
export type CopiedNextcloud = Pick<
  z.output<typeof Manifest>,
  "nextcloud" | "instanceId" | "dataDirectory"
> & { readonly databaseKind: string };

/** Where everything is, absolute. */
export interface NextcloudCopy {
  readonly data: string;
  readonly dump: string;
  readonly config?: string;
  /** By their last name. */
  readonly extra: ReadonlyMap<string, string>;
  /** Absent: another program made it, and nothing says of which Nextcloud it is. */
  readonly of?: CopiedNextcloud;
}

/** What is looked in, and where things were put together at last. */
export interface WhereToLook {
  readonly host: Host;
  readonly copy: RestoredCopy;
  readonly staging: string;
  /** The data directory of now. */
  readonly data: string;
}

/** Finds it. Throws `target-invalid` where the copy is none of a Nextcloud. */
export async function readCopy(where: WhereToLook, signal: AbortSignal): Promise<NextcloudCopy> {
  const { host, copy, staging } = where;
  const { folder, paths = [] } = copy;
  const below = [staging, ...paths, ...paths.map((path) => posix.dirname(path))];
  const folders = [...new Set([folder, ...below.map((path) => posix.join(folder, path))])];
  const manifests = folders.map((each) => posix.join(each, manifestFile));
  const found = await firstFile(host, manifests, signal);
  if (found !== undefined) return await declared(where, found, signal);
  const dumps = folders.flatMap((each) =>
    (["none", "gzip", "zstd"] as const).map((kind) => posix.join(each, dumpName(kind))),
  );
  const dump = await firstFile(host, dumps, signal);
  if (dump !== undefined) return await undeclared(where, dump, signal);
  throw new HoldfastError("target-invalid", "the snapshot holds no Nextcloud", {
    hint: `neither ${manifestFile} nor ${dumpName("none")} is in it: name another snapshot, see: holdfast snapshots`,
  });
}

async function declared(
  { host, copy }: WhereToLook,
  manifest: string,
  signal: AbortSignal,
): Promise<NextcloudCopy> {
  const { stdout } = await host.run({ argv: ["cat", "--", manifest], effect: "reads" }, signal);
  const read = Manifest.safeParse(parsed(stdout));
  if (!read.success) {
    throw new HoldfastError("target-invalid", `${manifestFile} of the snapshot cannot be read`, {
      hint: "a newer holdfast made it: restore with that one",
    });
  }
  const staged = posix.dirname(manifest);
  const { data, config, database, extra, nextcloud, instanceId, dataDirectory } = read.data;
  const own = posix.join(posix.isAbsolute(data) ? copy.folder : staged, data);
  // Of several places a mirror keeps the last part of the name of each.
  const places = [own, posix.join(staged, posix.basename(data))];
  return {
    data: await firstFolder(host, places, signal),
    dump: posix.join(staged, database.file),
    ...(config === undefined ? {} : { config: posix.join(staged, config) }),
    extra: new Map(
      Object.keys(extra).map((name) => [posix.basename(name), posix.join(staged, name)]),
    ),
    of: { nextcloud, instanceId, dataDirectory, databaseKind: database.kind },
  };
}

/** As the Nextcloud backup script archived it. */
async function undeclared(
  { host, data }: WhereToLook,
  dump: string,
  signal: AbortSignal,
): Promise<NextcloudCopy> {
  const staged = posix.dirname(dump);
  const names = await foldersIn(host, staged, signal);
  const others = names.filter((name) => name !== extraFolder);
  const preferred = [posix.basename(data), "data", ...others].find((name) => others.includes(name));
  if (preferred === undefined) {
    throw new HoldfastError("target-invalid", "the snapshot holds a dump, and no data directory", {
      hint: "name another snapshot, see: holdfast snapshots",
    });
  }
  const inExtra = names.includes(extraFolder)
    ? await foldersIn(host, posix.join(staged, extraFolder), signal)
    : [];
  const extra = inExtra.map((name) => [name, posix.join(staged, extraFolder, name)] as const);
  const config = new Map(extra).get(configFolder);
  return {
    data: posix.join(staged, preferred),
    dump,
    ...(config === undefined ? {} : { config }),
    extra: new Map(extra.filter(([name]) => name !== configFolder)),
  };
}

async function firstFile(
  host: Host,
  files: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const states = await host.inspect(files, signal);
  return files.find((_, index) => states[index]?.kind === "file");
}

async function firstFolder(
  host: Host,
  places: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const states = await host.inspect(places, signal);
  const found = places.find((_, index) => states[index]?.kind === "directory");
  if (found !== undefined) return found;
  throw new HoldfastError("target-invalid", "the snapshot holds no data directory", {
    hint: `${places[0]} is not in what was restored: name another snapshot, see: holdfast snapshots`,
  });
}

async function foldersIn(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const which = ["-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", "%f\\0"] as const;
  const { stdout } = await host.run({ argv: ["find", folder, ...which], effect: "reads" }, signal);
  return stdout
    .split("\0")
    .filter((name) => name !== "")
    .toSorted();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
