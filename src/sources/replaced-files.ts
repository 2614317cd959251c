// Knows: how single files of a folder give way to others, and come back. Must not know: what is in them.
import { posix } from "node:path";
import * as z from "zod";
import type { Command, Host } from "../hosts/host.ts";
import { writePrivateFile } from "./private-file.ts";

/** Files of a folder that are replaced one by one; everything else in it is left alone. It can be written down. */
export const ReplacedFiles = z.object({
  place: z.string(),
  /** A folder that holds those that were there. */
  kept: z.string(),
  /** The names of those that were there. */
  were: z.array(z.string()),
  /** And of all that come there, or are taken away. */
  concerned: z.array(z.string()),
});
export type ReplacedFiles = z.output<typeof ReplacedFiles>;

function writes(...argv: Command["argv"]): Command {
  return { argv, effect: "writes" };
}

/** Keeps copies of those that are there: all of them, or as far as anybody sees none. */
export async function keepFiles(
  host: Host,
  { place, kept, were }: ReplacedFiles,
  signal: AbortSignal,
): Promise<void> {
  const unfinished = `${kept}.part`;
  await host.run(writes("rm", "--recursive", "--force", "--", unfinished), signal);
  await host.run(writes("mkdir", "--parents", "--mode=0700", "--", unfinished), signal);
  const files = were.map((name) => posix.join(place, name));
  const options = ["--archive", `--target-directory=${unfinished}`] as const;
  if (files.length > 0) await host.run(writes("cp", ...options, "--", ...files), signal);
  await host.run(writes("mv", "--no-target-directory", "--", unfinished, kept), signal);
}

/** What a file is to hold, and who may read it. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
  /** Whose owner it gets. */
  readonly ownerOf: string;
  /** Whose permissions it gets. Absent: nobody but its owner may read it. */
  readonly modeOf?: string;
}

/** Puts one file there, whole or not at all. */
export async function putFile(
  host: Host,
  { place }: Pick<ReplacedFiles, "place">,
  { file, signal }: { readonly file: NewFile; readonly signal: AbortSignal },
): Promise<void> {
  const { name, text, ownerOf, modeOf } = file;
  const temporary = temporaryOf(place, name);
  // It may hold passwords.
  await writePrivateFile(host, { file: temporary, text }, signal);
  await host.run(writes("chown", `--reference=${ownerOf}`, "--", temporary), signal);
  if (modeOf !== undefined) {
    await host.run(writes("chmod", `--reference=${modeOf}`, "--", temporary), signal);
  }
  await host.run(writes("mv", "--force", "--", temporary, posix.join(place, name)), signal);
}

/** Takes files away, where they are. */
export async function takeFiles(
  host: Host,
  { place }: Pick<ReplacedFiles, "place">,
  { names, signal }: { readonly names: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  if (names.length === 0) return;
  const files = names.map((name) => posix.join(place, name));
  await host.run(writes("rm", "--force", "--", ...files), signal);
}

/** Brings back those that were there, and takes away what came besides. May be repeated. */
export async function putFilesBack(
  host: Host,
  { place, kept, were, concerned }: ReplacedFiles,
  signal: AbortSignal,
): Promise<void> {
  const [folder] = await host.inspect([kept], signal);
  // Not kept yet: then nothing was replaced.
  if (folder?.kind !== "directory") return;
  for (const name of were) {
    const temporary = temporaryOf(place, name);
    const original = posix.join(kept, name);
    const options = ["--archive", "--no-target-directory"] as const;
    await host.run(writes("cp", ...options, "--", original, temporary), signal);
    await host.run(writes("mv", "--force", "--", temporary, posix.join(place, name)), signal);
  }
  const temporaries = concerned.map((name) => temporaryName(name));
  const others = concerned.filter((name) => !were.includes(name));
  await takeFiles(host, { place }, { names: [...temporaries, ...others], signal });
}

function temporaryName(name: string): string {
  return `.${name}.holdfast`;
}

function temporaryOf(place: string, name: string): string {
  return posix.join(place, temporaryName(name));
}
