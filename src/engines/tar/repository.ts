// Knows: what every verb means for a folder of archives. Must not know: what a job is.
import { join } from "node:path";
import type { Command } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Evidence } from "../../kernel/evidence.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type {
  BackupRequest,
  BackupResult,
  CheckLevel,
  CheckResult,
  CopyResult,
  Found,
  JobIdentity,
  PlannedVerb,
  PruneResult,
  Repository,
  RepositoryAccess,
  RestoreRequest,
  RestoreResult,
  Work,
} from "../engine.ts";
import { beforeCommands, makeArchive } from "./backup.ts";
import { checkArchives } from "./check.ts";
import { type Cipher, encryptionOf, initCommands, removeCommand } from "./commands.ts";
import { copyFile } from "./copy.ts";
import { explain } from "./errors.ts";
import { examineArchives } from "./examine.ts";
import { findMembers } from "./find.ts";
import { checkKey } from "./key-check.ts";
import { namingFor } from "./members.ts";
import { isLeftover, manifestFile, newArchiveName, stateFile } from "./names.ts";
import type { Options } from "./options.ts";
import { planArchive } from "./plan.ts";
import { previewCommands, shownCipher } from "./preview.ts";
import { restoreArchives } from "./restore.ts";
import {
  type Archive,
  type Contents,
  type Folder,
  idsIn,
  isThere,
  lookInto,
  series,
  snapshotOf,
} from "./store.ts";

/** A folder of full and differential archives. */
export class TarRepository implements Repository {
  readonly engine = "tar";
  readonly name: string;
  readonly location: string;
  readonly folder: Folder;
  readonly #options: Options;
  readonly #access: RepositoryAccess;

  constructor(options: Options, access: RepositoryAccess) {
    this.name = access.name;
    this.location = access.location;
    this.folder = { host: access.host, path: access.location, name: access.name };
    this.#options = options;
    this.#access = access;
  }

  async exists(signal: AbortSignal): Promise<boolean> {
    return await isThere(this.folder, signal);
  }

  async init(signal: AbortSignal): Promise<void> {
    if (await this.exists(signal)) {
      throw new HoldfastError(
        "repository-exists",
        `repository "${this.name}" at ${this.location} is there already`,
      );
    }
    for (const command of initCommands(this.location)) await this.#run(command, signal);
  }

  async backup(request: BackupRequest, work: Work): Promise<BackupResult> {
    const { signal } = work;
    const { source } = request;
    if (source.kind !== "paths") throw new Error(`tar was given a source of kind ${source.kind}`);
    const contents = await lookInto(this.folder, signal);
    const cipher = await this.#cipher(signal);
    await this.#explained(async () => await checkKey(this.folder, { contents, cipher }, signal));
    const now = new Date();
    const { full, job } = request;
    const { kind, base, note } = await planArchive(
      { folder: this.folder, contents, source },
      { now, fullEveryMs: this.#options["full-every"], full, job },
      signal,
    );
    const taken = idsIn(contents);
    const leftovers = [...contents.files.keys()].filter((file) => isLeftover(file, taken, "keep"));
    for (const each of beforeCommands(this.location, leftovers)) await this.#run(each, signal);
    const compress = this.#options.compress;
    const name = newArchiveName({ kind, now, compress, encrypt: encryptionOf(cipher), taken });
    const pigz = compress === "gzip" && (await this.#hasPigz(signal));
    const naming = namingFor(source);
    const made = { name, ...(base === undefined ? {} : { base }), source, naming, cipher, pigz };
    const evidence = await this.#explained(
      async () => await makeArchive(this.folder, { ...made, request }, work),
    );
    const after = await this.snapshots({ name: job, paths: source.paths }, signal);
    const snapshots = after.filter(({ id }) => id === name.id);
    const notes = [...(note === undefined ? [] : [note]), ...(evidence.notes ?? [])];
    return {
      snapshots,
      after,
      evidence: {
        ...evidence,
        ...(notes.length === 0 ? {} : { notes }),
        listed: snapshots.length === 1,
      },
    };
  }

  async copy(
    from: Repository,
    { job, snapshots }: { readonly job: JobIdentity; readonly snapshots: readonly Snapshot[] },
    work: Work,
  ): Promise<CopyResult> {
    if (!(from instanceof TarRepository)) throw new Error(`${from.name} is no folder of archives`);
    const theirs = await lookInto(from.folder, work.signal);
    const ours = await lookInto(this.folder, work.signal);
    const wanted = [
      ...this.missing(
        snapshots,
        ours.archives.map((each) => snapshotOf(each, job)),
      ),
      ...cutShort(theirs, ours).map((each) => snapshotOf(each, job)),
    ];
    const copied: { from: string; id: string }[] = [];
    for (const { id } of wanted) {
      const archive = theirs.archives.find((each) => each.id === id);
      if (archive === undefined) continue;
      const has = (base: string): boolean =>
        [...ours.archives, ...copied].some((each) => each.id === base);
      // Without its full archive it would be of no use there.
      if (archive.base !== undefined && !has(archive.base)) continue;
      await this.#explained(async () => await this.#receive(from, { archive, theirs }, work));
      copied.push({ from: id, id });
    }
    const after = await this.snapshots(job, work.signal);
    const listed = copied.every((copy) => after.some(({ id }) => id === copy.id));
    const evidence: Evidence = { listed };
    return { copied, after, evidence };
  }

  /** The archive comes last: what lies beside it means nothing without it. */
  async #receive(
    from: TarRepository,
    { archive, theirs }: { readonly archive: Archive; readonly theirs: Contents },
    work: Work,
  ): Promise<void> {
    const way = { from: from.folder, to: this.folder, here: this.#access.here };
    const beside = [stateFile(archive.id), manifestFile(archive.id)];
    for (const file of beside) {
      const size = theirs.files.get(file);
      if (size !== undefined) await copyFile(way, { file, size }, work);
    }
    const sha256 = archive.manifest?.sha256;
    const known = sha256 === undefined ? {} : { sha256 };
    await copyFile(way, { file: archive.file, size: archive.size, ...known }, work);
  }

  async snapshots(job: JobIdentity, signal: AbortSignal): Promise<readonly Snapshot[]> {
    const { archives } = await lookInto(this.folder, signal);
    return archives.map((archive) => snapshotOf(archive, job));
  }

  series(): readonly string[] {
    return [series];
  }

  missing(theirs: readonly Snapshot[], ours: readonly Snapshot[]): readonly Snapshot[] {
    const held = new Set(ours.map(({ id }) => id));
    return theirs.filter(({ id }) => !held.has(id));
  }

  async find(
    path: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    const reading = await this.#reading(signal);
    const { archives } = await lookInto(this.folder, signal);
    return await findMembers(reading, { path, snapshots, archives }, signal);
  }

  async forget(ids: readonly string[], { signal }: Work): Promise<void> {
    const { archives, files } = await lookInto(this.folder, signal);
    const needed = archives.find(
      ({ id, base }) => base !== undefined && !ids.includes(id) && ids.includes(base),
    );
    if (needed !== undefined)
      throw new Error(`${needed.id} needs ${needed.base}, which was to be forgotten`);
    for (const id of ids) {
      const archive = archives.find((each) => each.id === id);
      if (archive === undefined) continue;
      // The archive first: what is left of it then is known for a leftover. The predecessor's in clear last, so
      // that no other one takes its place in the listing.
      const beside = [stateFile(id), manifestFile(id)].filter((file) => files.has(file));
      for (const file of [...(archive.twins ?? []), archive.file, ...beside]) {
        await this.#run(removeCommand([join(this.location, file)]), signal);
      }
    }
  }

  async prune({ signal }: Work): Promise<PruneResult> {
    const contents = await lookInto(this.folder, signal);
    const ids = idsIn(contents);
    const leftovers = [...contents.files].filter(([file]) => isLeftover(file, ids));
    const freedBytes = leftovers.reduce((sum, [, size]) => sum + size, 0);
    if (leftovers.length > 0) {
      const paths = leftovers.map(([file]) => join(this.location, file));
      await this.#run(removeCommand(paths), signal);
    }
    return { freedBytes };
  }

  async check(level: CheckLevel, work: Work): Promise<CheckResult> {
    const contents = await lookInto(this.folder, work.signal);
    const reading = await this.#reading(work.signal);
    return await checkArchives(reading, { contents, level }, work);
  }

  async restore(request: RestoreRequest, work: Work): Promise<RestoreResult> {
    const { archives } = await lookInto(this.folder, work.signal);
    const reading = await this.#reading(work.signal);
    return await restoreArchives(reading, { archives, request }, work);
  }

  async examine(signal: AbortSignal): Promise<readonly Finding[]> {
    if (!(await this.exists(signal))) return [];
    return await examineArchives(
      { folder: this.folder, here: this.#access.here, cipher: shownCipher(this.#options) },
      signal,
    );
  }

  preview(planned: PlannedVerb): readonly Command[] {
    return previewCommands(planned, this.#options, this.folder);
  }

  async #run(command: Command, signal: AbortSignal): Promise<void> {
    await this.#explained(async () => await this.folder.host.run(command, signal));
  }

  async #explained<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw explain(error, this.name);
    }
  }

  async #reading(signal: AbortSignal) {
    return { folder: this.folder, here: this.#access.here, cipher: await this.#cipher(signal) };
  }

  async #cipher(signal: AbortSignal): Promise<Cipher> {
    const { encrypt } = this.#options;
    if (encrypt === undefined) return { kind: "none" };
    if ("age" in encrypt) {
      const { recipients, identity } = encrypt.age;
      return { kind: "age", recipients, ...(identity === undefined ? {} : { identity }) };
    }
    if ("recipients" in encrypt.gpg) {
      return { kind: "gpg-recipients", recipients: encrypt.gpg.recipients };
    }
    const passphrase = await this.#access.secret(encrypt.gpg.passphrase, signal);
    return { kind: "gpg-symmetric", passphrase };
  }

  async #hasPigz(signal: AbortSignal): Promise<boolean> {
    try {
      await this.folder.host.run({ argv: ["pigz", "--version"], effect: "reads" }, signal);
      return true;
    } catch (error) {
      if (error instanceof HoldfastError && error.code === "tool-missing") return false;
      throw error;
    }
  }
}

/** What is shorter here than there, although nobody has written down how long it is: a copy that broke off. */
function cutShort(theirs: Contents, ours: Contents): readonly Archive[] {
  return theirs.archives.filter(({ file, size, manifest }) => {
    const held = ours.files.get(file);
    return manifest === undefined && held !== undefined && held < size;
  });
}
