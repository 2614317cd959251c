// Knows: what can be wrong with a folder of archives. Must not know: what is done about it.
import { createHash } from "node:crypto";
import type { CheckLevel, CheckResult, Work } from "../engine.ts";
import { isLeftover, stateFile } from "./names.ts";
import { type Reading, verify } from "./read.ts";
import { type Archive, type Contents, idsIn } from "./store.ts";

/** Checks sizes and chains; with `readData` also hashes, decrypts and reads through so much of the archives. */
export async function checkArchives(
  reading: Reading,
  { contents, level }: { readonly contents: Contents; readonly level: CheckLevel },
  { signal, progress }: Work,
): Promise<CheckResult> {
  const problems = [
    ...contents.broken.map(
      ({ file, size, manifest }) =>
        `${file} has ${size} bytes instead of ${manifest?.size}: it cannot be restored, and is not listed`,
    ),
    ...contents.archives.flatMap((archive) => faultsOf(archive, contents)),
  ];
  const chosen = level.readData === undefined ? [] : sample(contents.archives, level.readData);
  const bytesTotal = chosen.reduce((sum, { size }) => sum + size, 0);
  let bytesDone = 0;
  for (const archive of chosen) {
    progress({ bytesDone, bytesTotal, current: archive.file });
    problems.push(...(await verify(reading, archive, signal)));
    bytesDone += archive.size;
  }
  const ids = idsIn(contents);
  const leftovers = [...contents.files.keys()].filter((file) => isLeftover(file, ids));
  const notes = leftovers.length === 0 ? [] : [`left by interrupted runs: ${leftovers.join(", ")}`];
  return { problems, ...(notes.length === 0 ? {} : { notes }) };
}

function faultsOf(archive: Archive, { archives, files }: Contents): readonly string[] {
  const { file, kind, base, id } = archive;
  const problems: string[] = [];
  if (
    kind === "differential" &&
    !archives.some((each) => each.id === base && each.kind === "full")
  ) {
    problems.push(
      `${file} cannot be restored: its full archive ${base ?? ""} is gone`.replace("  ", " "),
    );
  }
  const newest = archives.findLast((each) => each.kind === "full");
  if (newest?.id === id && !files.has(stateFile(id))) {
    problems.push(`${stateFile(id)} is gone: the next archive will be a full one`);
  }
  return problems;
}

/** So much of the archives, by number, chosen by their names: other ones when time has brought others. */
export function sample(archives: readonly Archive[], readData: string): readonly Archive[] {
  const share = Number.parseFloat(readData) / 100;
  const count = Math.min(archives.length, Math.ceil(archives.length * share));
  const keyed = archives.map((archive) => ({ archive, key: keyOf(archive.id, archives.length) }));
  const first = keyed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, count);
  const chosen = new Set(first.map(({ archive }) => archive.id));
  return archives.filter(({ id }) => chosen.has(id));
}

function keyOf(id: string, salt: number): string {
  return createHash("sha256").update(`${salt} ${id}`).digest("hex");
}
