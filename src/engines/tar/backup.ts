// Knows: how one archive is made, in one pass and under a hidden name. Must not know: which archives are there already.
import { join } from "node:path";
import type { Command, CommandResult, Host } from "../../hosts/host.ts";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Evidence } from "../../kernel/evidence.ts";
import type { PreparedPaths } from "../../kernel/prepared-source.ts";
import type { BackupRequest, Work } from "../engine.ts";
import {
  type Cipher,
  compressCommand,
  createCommand,
  encryptCommand,
  removeCommand,
  storeCommands,
} from "./commands.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import { memberNamed, type Naming, rootFor } from "./members.ts";
import {
  type ArchiveName,
  manifestFile,
  newArchiveFile,
  newManifestFile,
  newStateFile,
  stateFile,
} from "./names.ts";
import type { BaseArchive } from "./plan.ts";
import { beginCommands, foldersOf, readState, sinceWhen } from "./state.ts";
import type { Archive, Folder } from "./store.ts";
import { namedUnreadable, Tally } from "./tally.ts";

/** What is to be made. */
export interface NewArchive {
  readonly name: ArchiveName;
  /** The full archive that a differential one is based on. */
  readonly base?: BaseArchive;
  readonly request: BackupRequest;
  readonly source: PreparedPaths;
  readonly naming: Naming;
  readonly cipher: Cipher;
  readonly pigz: boolean;
}

/** The commands before the archive is written: they make its place. */
export function beforeCommands(folder: string, leftovers: readonly string[]): readonly Command[] {
  const hidden = [newArchiveFile, newStateFile, newManifestFile];
  return [removeCommand([...new Set([...hidden, ...leftovers])].map((file) => join(folder, file)))];
}

/** Copies the state of the full archive, so that tar goes on from there. */
function beginningCommands(folder: string, { base, naming }: NewArchive): readonly Command[] {
  if (base === undefined) return [];
  const { id, seconds, manifest } = base;
  const from = join(folder, stateFile(id));
  // What could not be read then has not changed since, and would not be archived when it can be read.
  const lacked = (manifest?.unreadable ?? []).map((path) => memberNamed(path, naming));
  const since = sinceWhen(seconds, manifest?.asOf);
  return beginCommands(from, join(folder, newStateFile), { since, again: foldersOf(lacked) });
}

/** From the files to an archive on disk, with nothing in between. */
export function archivePipeline(folder: string, archive: NewArchive): readonly Command[] {
  const { name, base, request, source, cipher, pigz } = archive;
  const { selection } = request;
  const state = join(folder, newStateFile);
  return [
    createCommand({ source, selection, state, full: base === undefined }),
    ...compressCommand(name.compress, pigz),
    ...encryptCommand(cipher),
    ...storeCommands(join(folder, newArchiveFile)),
  ];
}

/** The commands that make it visible: the archive's own name comes last, when all else is on disk. */
export function publishCommands(folder: string, name: ArchiveName): readonly Command[] {
  const at = (file: string): string => join(folder, file);
  const move = (from: string, to: string): Command => ({
    argv: ["mv", "--no-target-directory", "--", at(from), at(to)],
    effect: "writes",
  });
  const hidden = [newArchiveFile, newStateFile, newManifestFile].map(at);
  return [
    { argv: ["sync", "--", ...hidden], effect: "writes" },
    name.kind === "full"
      ? move(newStateFile, stateFile(name.id))
      : { argv: ["rm", "--force", "--", at(newStateFile)], effect: "writes" },
    move(newManifestFile, manifestFile(name.id)),
    move(newArchiveFile, name.file),
    { argv: ["sync", "--", folder], effect: "writes" },
  ];
}

export function manifestCommand(folder: string, text: string): Command {
  const argv = ["dd", `of=${join(folder, newManifestFile)}`, "status=none"] as const;
  return { argv, stdin: text, effect: "writes" };
}

/** Makes one archive. Throws `command-failed` when tar complained of anything but files it could not read. */
export async function makeArchive(
  { host, path }: Folder,
  archive: NewArchive,
  work: Work,
): Promise<Evidence> {
  const { signal } = work;
  const { base, naming } = archive;
  const beginning = beginningCommands(path, archive);
  if (beginning.length > 0) await host.pipe(beginning, signal);
  const tally = new Tally(work, naming, base?.manifest);
  const commands = archivePipeline(path, archive);
  const { stages, stdout } = await host.pipe(commands, signal, { stderrLine: tally.hear });
  refuseComplaints(commands, stages, tally);
  const sha256 = /^[0-9a-f]{64}/.exec(stdout)?.[0] ?? "";
  const size = await sizeOf(host, join(path, newArchiveFile), signal);
  const { files } = await readState(host, join(path, newStateFile), signal);
  const figures = { files, ...(base === undefined ? { bytes: tally.bytes } : {}) };
  const said = tally.evidence();
  const written = { ...manifestOf(archive), size, sha256, ...figures };
  const lacking = base === undefined ? lackingIn(said) : {};
  await host.run(manifestCommand(path, writeManifest({ ...written, ...lacking })), signal);
  for (const each of publishCommands(path, archive.name)) await host.run(each, signal);
  return withWhatBaseLacks({ ...figures, added: size, ...said }, base, tally);
}

/** What is known of an archive before it is made. */
function manifestOf({
  name,
  base,
  request,
  source,
}: NewArchive): Omit<Manifest, "size" | "sha256"> {
  const { asOf, paths } = source;
  const root = rootFor(source);
  return {
    version: 1,
    id: name.id,
    time: name.time,
    kind: name.kind,
    ...(base === undefined ? {} : { base: base.id }),
    job: request.job,
    paths: [...paths],
    ...(root === undefined ? {} : { root }),
    ...(asOf === undefined ? {} : { asOf }),
    labels: [...request.labels],
  };
}

function lackingIn({ unreadable = [], unreadableCount }: Evidence): Partial<Manifest> {
  return unreadableCount === undefined ? {} : { unreadable: [...unreadable], unreadableCount };
}

/**
 * What could not be read for the full archive may have been unreadable without a word of tar: where it was
 * a source of its own, and where there was more of it than is named.
 */
function withWhatBaseLacks(evidence: Evidence, base: Archive | undefined, tally: Tally): Evidence {
  const { unreadable = [], unreadableCount = 0 } = base?.manifest ?? {};
  const unnamed = unreadableCount - unreadable.length;
  const count = tally.stillLacking.length + Math.max(0, unnamed);
  if (base === undefined || count === 0) return evidence;
  const note = `${count} files could not be read for the full archive ${base.id}; those that can be read now come with the next full one: --full`;
  return {
    ...evidence,
    unreadable: [...(evidence.unreadable ?? []), ...tally.stillLacking].slice(0, namedUnreadable),
    unreadableCount: (evidence.unreadableCount ?? 0) + count,
    notes: [...(evidence.notes ?? []), note],
  };
}

/** Whatever tar complains about and nobody here understands makes the archive worthless. */
function refuseComplaints(
  commands: readonly Command[],
  stages: readonly CommandResult[],
  { complaints, isExplained }: Tally,
): void {
  const [command] = commands;
  const [tar] = stages;
  if (command === undefined || tar === undefined) throw new Error("a pipeline without tar");
  if (tar.exitStatus === 0) return;
  // It says that it failed, and nothing that was understood says why.
  if (complaints.length === 0 && (tar.exitStatus === 1 || isExplained)) return;
  throw new CommandFailed(
    command,
    complaints.length === 0 ? tar : { ...tar, stderr: complaints.join("\n") },
    stages,
  );
}

async function sizeOf(host: Host, file: string, signal: AbortSignal): Promise<number> {
  const argv = ["stat", "--format=%s", "--", file] as const;
  return Number((await host.run({ argv, effect: "reads" }, signal)).stdout);
}
