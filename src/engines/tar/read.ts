// Knows: how an archive is read back: listed, verified, extracted. Must not know: why.
import { join } from "node:path";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command, Host } from "../../hosts/host.ts";
import { pipeAcross, type Stage } from "../../hosts/pipe-across.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import {
  type Cipher,
  decompressCommand,
  decryptCommand,
  extractCommand,
  listMembersCommand,
} from "./commands.ts";
import { hashOf } from "./copy.ts";
import { type ListListener, ListReader, readExtractErrors } from "./output.ts";
import { explain } from "./errors.ts";
import type { Archive, Folder } from "./store.ts";

/** With what archives of a folder are opened, and where. */
export interface Reading {
  readonly folder: Folder;
  /** Secrets and plain data stay on this machine. */
  readonly here: Host;
  readonly cipher: Cipher;
}

/** An archive as a stream of tar's own format, on this machine. */
function clearStages({ folder, here, cipher }: Reading, archive: Archive): readonly Stage[] {
  const read: Command = { argv: ["cat", "--", join(folder.path, archive.file)], effect: "reads" };
  const onHere = (command: Command): Stage => ({ host: here, command });
  return [
    { host: folder.host, command: read },
    ...decryptCommand(archive.encrypt, cipher).map(onHere),
    ...decompressCommand(archive.compress).map(onHere),
  ];
}

/** Calls back for every member of an archive. */
export async function listMembers(
  reading: Reading,
  archive: Archive,
  listener: ListListener & { readonly signal: AbortSignal },
): Promise<void> {
  const stages = [
    ...clearStages(reading, archive),
    { host: reading.here, command: listMembersCommand() },
  ];
  const { hear } = new ListReader(listener);
  const { signal } = listener;
  try {
    await pipeAcross(stages, { here: reading.here, signal, watch: { stdoutLine: hear } });
  } catch (error) {
    throw explain(error, reading.folder.name);
  }
}

/** What is wrong with an archive when all of it is read; nothing when it is whole. */
export async function verify(
  reading: Reading,
  archive: Archive,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { host, path } = reading.folder;
  const known = archive.manifest?.sha256;
  if (known !== undefined && (await hashOf(host, join(path, archive.file), signal)) !== known) {
    return [`${archive.file} is not what was written: its hash has changed`];
  }
  try {
    await listMembers(reading, archive, { signal, member: () => {} });
    return [];
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return [`${archive.file} cannot be read through: ${error.message}`];
  }
}

/** What putting one archive into a directory came to. */
export interface Extracted {
  /** Members that were asked for and are not in it. */
  readonly notFound: readonly string[];
  readonly problems: readonly string[];
}

/** Extracts an archive, or some of it, into a directory of this machine. */
export async function extract(
  reading: Reading,
  archive: Archive,
  {
    target,
    members,
    signal,
  }: { readonly target: string; readonly members: readonly string[]; readonly signal: AbortSignal },
): Promise<Extracted> {
  const { here, folder } = reading;
  const stages = [
    ...clearStages(reading, archive),
    { host: here, command: extractCommand(target, members) },
  ];
  try {
    const { stages: ended } = await pipeAcross(stages, { here, signal });
    return readExtractErrors(ended.at(-1)?.stderr ?? "");
  } catch (error) {
    const explained = explain(error, folder.name);
    if (!(explained instanceof CommandFailed)) throw explained;
    if (explained instanceof HoldfastError && signal.aborted) throw explained;
    // What could be read of it is there: that is more than nothing.
    return { notFound: [], problems: [`${archive.file}: ${explained.message}`] };
  }
}
