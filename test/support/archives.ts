// Knows: folders of archives beside something to archive, for tests of the archive engine. Must not know: what is tested.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackupResult, Repository } from "../../src/engines/engine.ts";
import { tar } from "../../src/engines/tar/index.ts";
import type { Host } from "../../src/hosts/host.ts";
import { localHost } from "../../src/hosts/local.ts";
import type { PreparedPaths } from "../../src/kernel/prepared-source.ts";
import { Secret } from "../../src/kernel/secret.ts";
import type { Snapshot } from "../../src/kernel/snapshot.ts";

export const passphrase = "a passphrase with 'quotes' & blanks";
/** The options of a repository that this passphrase opens. */
export const gpg = { encrypt: { gpg: { passphrase } } };
export const work = { signal: new AbortController().signal, progress: () => {} };

/** A source and folders of archives, below one folder that vanishes. */
export class ArchiveBench implements AsyncDisposable {
  readonly folder: string;
  readonly source: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.source = join(folder, "source");
  }

  static async open(parent = tmpdir()): Promise<ArchiveBench> {
    const bench = new ArchiveBench(await mkdtemp(join(parent, "holdfast-chain-")));
    await mkdir(bench.source);
    await bench.write({ kept: "kept", gone: "gone", changed: "before", "deep/er/file": "deep" });
    return bench;
  }

  /** Writes files into the source. */
  async write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(this.source, name, ".."), { recursive: true });
      await writeFile(join(this.source, name), text);
    }
  }

  at(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  repository(options: object = {}, name = "archives", host: Host = localHost()): Repository {
    const location = this.at(name);
    return tar.parse({ engine: "tar", at: location, ...options }).open({
      host,
      here: host,
      ledger: { promise: () => assert.fail("nothing is left to be undone") },
      location,
      name,
      secret: async (reference) => ("text" in reference ? reference.text : new Secret("")),
    });
  }

  /** Backs up the source, unless `paths` says what else. */
  async backup(repository: Repository, wanted: BackupWish = {}): Promise<BackupResult> {
    const { full = false, job = "job", exclude = [], oneFileSystem = false, ...paths } = wanted;
    const selection = {
      exclude,
      excludeFiles: [],
      excludeIfPresent: [],
      ignoreCase: false,
      oneFileSystem,
    };
    const source = {
      kind: "paths" as const,
      paths: [this.source],
      ...paths,
      [Symbol.asyncDispose]: async () => {},
    };
    const request = { job, source, sourceHost: localHost(), selection, labels: [], full };
    return await repository.backup({ ...request, allowDeletions: false }, work);
  }

  /** Changes the source in every way. */
  async change(): Promise<void> {
    await this.write({ changed: "after", added: "added" });
    await rm(join(this.source, "gone"));
    await rename(join(this.source, "deep"), join(this.source, "moved"));
  }

  /** Backs up, changes the source in every way, and backs up again. */
  async chain(
    repository: Repository,
    wanted: BackupWish = {},
  ): Promise<readonly [full: string, differential: string]> {
    await repository.init(work.signal);
    const first = await this.backup(repository, wanted);
    await this.change();
    const second = await this.backup(repository, wanted);
    const [full = "", differential = ""] = [...first.snapshots, ...second.snapshots].map(
      ({ id }) => id,
    );
    return [full, differential];
  }

  /** What is in a snapshot, restored whole: the texts below `inside`, by default of the source. */
  async restored(
    repository: Repository,
    snapshot: string,
    inside = this.source,
  ): Promise<Record<string, string>> {
    const target = await mkdtemp(this.at("target-"));
    const { problems } = await repository.restore({ snapshot, include: [], target }, work);
    assert.deepEqual(problems, []);
    return await textsBelow(join(target, inside));
  }

  /** As if a full archive had been begun so many seconds later than it was: then more lies before it. */
  async postpone(id: string, seconds: number): Promise<void> {
    const file = this.at("archives", `${id}.snar`);
    const state = await readFile(file, "latin1");
    const later = state.replace(/(?<=^[^\n]*\n)\d+/, (begun) => String(Number(begun) + seconds));
    await writeFile(file, later, "latin1");
  }

  /** Everything that a repository lists. */
  async listed(repository: Repository): Promise<readonly Snapshot[]> {
    return await repository.snapshots({ name: "job", paths: [] }, work.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What is backed up, and how. */
export interface BackupWish extends Partial<Pick<PreparedPaths, "paths" | "root" | "asOf">> {
  readonly full?: boolean;
  readonly job?: string;
  readonly exclude?: readonly string[];
  readonly oneFileSystem?: boolean;
}

/** The text of every file below a folder, by its path. */
export async function textsBelow(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(folder.length + 1), await readFile(path, "utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(texts));
}

/** What the source of a bench holds before and after it was changed. */
export const before = { changed: "before", "deep/er/file": "deep", gone: "gone", kept: "kept" };
export const after = { added: "added", changed: "after", kept: "kept", "moved/er/file": "deep" };

/** Root can read everything: a host whose tar is started as somebody who cannot. Others: this machine. */
export async function hostOfOrdinaryUser(bench: ArchiveBench): Promise<Host> {
  if (process.getuid?.() !== 0) return localHost();
  const bin = bench.at("bin");
  await mkdir(bin);
  await chmod(bench.folder, 0o755);
  await chmod(bench.at("archives"), 0o777);
  const script =
    '#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups /usr/bin/tar "$@"\n';
  await writeFile(join(bin, "tar"), script, { mode: 0o755 });
  return localHost({ env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` } });
}
