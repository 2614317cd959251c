// Knows: how one archive is made, in one pass and under a hidden name. Must not know: which archives are there already.
import { join } from "node:path";
import type { Command, CommandResult, Host, Watch } from "../../hosts/host.ts";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Evidence } from "../../kernel/evidence.ts";
import type { BackupRequest, Work } from "../engine.ts";
import {
  bytesPerRecord,
  type Cipher,
  compressCommand,
  createCommand,
  encryptCommand,
  storeCommands,
} from "./commands.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import {
  type ArchiveName,
  manifestFile,
  newArchiveFile,
  newManifestFile,
  newStateFile,
  stateFile,
} from "./names.ts";
import { readCreateLine, StateReader } from "./output.ts";
import type { Archive, Folder } from "./store.ts";

/** What is to be made. */
export interface NewArchive {
  readonly name: ArchiveName;
  /** The full archive that a differential one is based on. */
  readonly base?: Archive;
  readonly request: BackupRequest;
  readonly paths: readonly string[];
  readonly cipher: Cipher;
  readonly pigz: boolean;
}

// So many unreadable files are named; all are counted.
const namedUnreadable = 100;
const namedChanged = 10;

/** The commands before the archive is written: they make its place. */
export function beforeCommands(folder: string, base: Archive | undefined): readonly Command[] {
  const hidden = [newArchiveFile, newStateFile, newManifestFile].map((file) => join(folder, file));
  const clear: Command = { argv: ["rm", "--force", "--", ...hidden], effect: "writes" };
  if (base === undefined) return [clear];
  const state = join(folder, stateFile(base.id));
  const to = join(folder, newStateFile);
  return [clear, { argv: ["cp", "--reflink=auto", "--", state, to], effect: "writes" }];
}

/** From the files to an archive on disk, with nothing in between. */
export function archivePipeline(folder: string, archive: NewArchive): readonly Command[] {
  const { name, base, request, paths, cipher, pigz } = archive;
  const { selection } = request;
  const state = join(folder, newStateFile);
  return [
    createCommand({ paths, selection, state, full: base === undefined }),
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
  const { name, base, request, paths } = archive;
  for (const command of beforeCommands(path, base)) await host.run(command, signal);
  const tally = new Tally(work, base?.manifest?.bytes ?? 0);
  const commands = archivePipeline(path, archive);
  const { stages, stdout } = await host.pipe(commands, signal, { stderrLine: tally.hear });
  refuseComplaints(commands, stages, tally);
  const sha256 = /^[0-9a-f]{64}/.exec(stdout)?.[0] ?? "";
  const size = await sizeOf(host, join(path, newArchiveFile), signal);
  const files = await countFiles(host, join(path, newStateFile), signal);
  const bytes = base === undefined ? { bytes: tally.bytes } : {};
  const said = tally.evidence();
  const manifest: Manifest = {
    version: 1,
    id: name.id,
    time: name.time,
    kind: name.kind,
    ...(base === undefined ? {} : { base: base.id }),
    job: request.job,
    paths: [...paths],
    labels: [...request.labels],
    size,
    sha256,
    files,
    ...bytes,
    ...(base === undefined ? lackingIn(said) : {}),
  };
  await host.run(manifestCommand(path, writeManifest(manifest)), signal);
  for (const each of publishCommands(path, name)) await host.run(each, signal);
  return withWhatBaseLacks({ files, ...bytes, added: size, ...said }, base);
}

function lackingIn({ unreadable = [], unreadableCount }: Evidence): Partial<Manifest> {
  return unreadableCount === undefined ? {} : { unreadable: [...unreadable], unreadableCount };
}

/**
 * What could not be read for the full archive has not changed since, and so is in no differential one
 * either: without a word of tar.
 */
function withWhatBaseLacks(evidence: Evidence, base: Archive | undefined): Evidence {
  const { unreadable = [], unreadableCount = 0 } = base?.manifest ?? {};
  if (base === undefined || unreadableCount === 0) return evidence;
  const known = new Set(evidence.unreadable);
  const more = unreadable.filter((path) => !known.has(path));
  const again = unreadable.length - more.length;
  const note = `${unreadableCount} files could not be read for the full archive ${base.id}; those that can be read now come with the next full one: --full`;
  return {
    ...evidence,
    unreadable: [...(evidence.unreadable ?? []), ...more].slice(0, namedUnreadable),
    unreadableCount: (evidence.unreadableCount ?? 0) + unreadableCount - again,
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

/** How many files there were, read or found unchanged, by tar's own account. */
async function countFiles(host: Host, state: string, signal: AbortSignal): Promise<number> {
  const reader = new StateReader();
  const watch: Watch = { stdoutLine: (field) => reader.hear(field) };
  // Fields end in NUL and may hold line feeds; what is counted is how they begin.
  const translate: Command = {
    argv: ["tr", String.raw`\n\000`, String.raw`\001\n`],
    effect: "reads",
  };
  await host.pipe([{ argv: ["cat", "--", state], effect: "reads" }, translate], signal, watch);
  return reader.files;
}

/** What tar says while it works. */
class Tally {
  bytes = 0;
  readonly complaints: string[] = [];
  readonly #work: Work;
  readonly #expected: number;
  readonly #unreadable: string[] = [];
  #unreadableCount = 0;
  readonly #changed: string[] = [];
  #changedCount = 0;
  #written = 0;
  #begunBefore = 0;
  #files = 0;

  constructor(work: Work, expected: number) {
    this.#work = work;
    this.#expected = expected;
  }

  readonly hear = (line: string): void => {
    const said = readCreateLine(line);
    switch (said.kind) {
      case "member":
        this.#begunBefore = this.bytes;
        if (said.type === "-") this.bytes += said.bytes;
        this.#files += 1;
        this.#report();
        return;
      case "checkpoint":
        this.#written = said.number * bytesPerRecord;
        this.#report();
        return;
      case "unreadable":
        this.#unreadableCount += 1;
        if (this.#unreadable.length < namedUnreadable) this.#unreadable.push(`/${said.path}`);
        return;
      case "changed":
        this.#changedCount += 1;
        if (this.#changed.length < namedChanged) this.#changed.push(said.message);
        return;
      case "complaint":
        this.complaints.push(said.message);
        return;
      case "chatter":
    }
  };

  /** Whether something is known that makes tar fail in the end. */
  get isExplained(): boolean {
    return this.#unreadableCount > 0 || this.#changedCount > 0;
  }

  #report(): void {
    // A file is announced when it is begun; of a sparse one little is written.
    const bytesDone = Math.max(this.#begunBefore, this.#written);
    const bytesTotal = Math.max(this.#expected, this.bytes, bytesDone);
    this.#work.progress({ bytesDone, bytesTotal, filesDone: this.#files });
  }

  evidence(): Evidence {
    const more = this.#changedCount - this.#changed.length;
    const notes = [...this.#changed, ...(more > 0 ? [`and ${more} more that changed`] : [])];
    return {
      ...(this.#unreadableCount === 0
        ? {}
        : { unreadable: this.#unreadable, unreadableCount: this.#unreadableCount }),
      ...(notes.length === 0 ? {} : { notes }),
    };
  }
}
