// Knows: how a file of one repository comes into another, whole or not at all. Must not know: which files.
import { join } from "node:path";
import type { Command, Host } from "../../hosts/host.ts";
import { pipeAcross } from "../../hosts/pipe-across.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Work } from "../engine.ts";
import { removeCommand } from "./commands.ts";
import { receivingFile } from "./names.ts";
import type { Folder } from "./store.ts";

/** One file to be copied, and what it is known to be. */
export interface FileToCopy {
  readonly file: string;
  readonly size: number;
  /** Asked of the machine it comes from when it is not known. */
  readonly sha256?: string;
}

/** A way from one folder to another. */
export interface Way {
  readonly from: Folder;
  readonly to: Folder;
  /** This machine, through which bytes go that leave one of them. */
  readonly here: Host;
}

/**
 * Copies a file to where no listing sees it, goes on where an earlier try ended, compares the hash, and
 * gives it its name. Throws `evidence-missing` when what arrived is not what was sent, twice.
 */
export async function copyFile(way: Way, asked: FileToCopy, work: Work): Promise<void> {
  const { from, to } = way;
  const { signal } = work;
  const sha256 = asked.sha256 ?? (await hashOf(from.host, join(from.path, asked.file), signal));
  const part = join(to.path, receivingFile(asked.file));
  for (const attempt of ["resumed", "anew"] as const) {
    if (attempt === "anew") await to.host.run(removeCommand([part]), signal);
    const there = await sizeOf(to.host, part, signal);
    if (there <= asked.size) await append(way, { ...asked, there }, work);
    if ((await hashOf(to.host, part, signal)) !== sha256) continue;
    for (const command of publishCommand(to.path, asked.file)) await to.host.run(command, signal);
    return;
  }
  throw new HoldfastError(
    "evidence-missing",
    `what arrived of ${asked.file} in repository "${to.name}" is not what repository "${from.name}" holds`,
    { hint: "check the first repository with: holdfast check --read-data" },
  );
}

async function append(
  { from, to, here }: Way,
  asked: FileToCopy & { readonly there: number },
  { signal, progress }: Work,
): Promise<void> {
  const [read, write] = appendCommands({ ...asked, from: from.path, to: to.path });
  const stages = [
    { host: from.host, command: read },
    { host: to.host, command: write },
  ];
  const stderrLine = (line: string): void => {
    const done = /^(\d+) bytes/.exec(line)?.[1];
    if (done !== undefined)
      progress({ bytesDone: asked.there + Number(done), bytesTotal: asked.size });
  };
  await pipeAcross(stages, { here, signal, watch: { stderrLine } });
}

/** What is not there yet of a file, read and appended. */
export function appendCommands(asked: {
  readonly from: string;
  readonly to: string;
  readonly file: string;
  /** Bytes that an earlier try has brought. */
  readonly there: number;
}): readonly [read: Command, write: Command] {
  const { from, to, file, there } = asked;
  const part = join(to, receivingFile(file));
  return [
    { argv: ["tail", `--bytes=+${there + 1}`, "--", join(from, file)], effect: "writes" },
    {
      argv: [
        "dd",
        `of=${part}`,
        "oflag=append",
        "conv=notrunc",
        "bs=1M",
        "iflag=fullblock",
        "status=progress",
      ],
      env: { LC_ALL: "C" },
      effect: "writes",
    },
  ];
}

/** Puts what has arrived on disk, and gives it its name. */
export function publishCommand(to: string, file: string): readonly Command[] {
  const part = join(to, receivingFile(file));
  return [
    { argv: ["sync", "--", part], effect: "writes" },
    { argv: ["mv", "--no-target-directory", "--", part, join(to, file)], effect: "writes" },
    { argv: ["sync", "--", to], effect: "writes" },
  ];
}

/** The hash of a file; of one that is not there, nothing. */
export async function hashOf(host: Host, file: string, signal: AbortSignal): Promise<string> {
  const argv = ["sha256sum", "--binary", "--", file] as const;
  const { stdout } = await host.run({ argv, effect: "reads" }, signal);
  // A name with odd characters is announced by a backslash.
  return /^\\?([0-9a-f]{64})/.exec(stdout)?.[1] ?? "";
}

async function sizeOf(host: Host, file: string, signal: AbortSignal): Promise<number> {
  const argv = ["stat", "--format=%s", "--", file] as const;
  const { stdout, exitStatus } = await host.run({ argv, okExits: [0, 1], effect: "reads" }, signal);
  return exitStatus === 0 ? Number(stdout) : 0;
}
