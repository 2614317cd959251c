// Knows: that a differential archive comes on top of its full one. Must not know: how one is extracted.
import { HoldfastError } from "../../kernel/errors.ts";
import type { RestoreRequest, RestoreResult, Work } from "../engine.ts";
import { extract, type Reading } from "./read.ts";
import type { Archive } from "./store.ts";

/** Restores one point in time into a directory of this machine. Throws `snapshot-missing`. */
export async function restoreArchives(
  reading: Reading,
  {
    archives,
    request,
  }: { readonly archives: readonly Archive[]; readonly request: RestoreRequest },
  { signal, progress }: Work,
): Promise<RestoreResult> {
  const chain = chainOf(archives, request.snapshot, reading.folder.name);
  const { target, include } = request;
  await reading.here.run(
    { argv: ["mkdir", "--parents", "--mode=0700", "--", target], effect: "writes" },
    signal,
  );
  const problems: string[] = [];
  const lacking: (readonly string[])[] = [];
  const bytesTotal = chain.reduce((sum, { size }) => sum + size, 0);
  let bytesDone = 0;
  for (const archive of chain) {
    progress({ bytesDone, bytesTotal, current: archive.file });
    const extracted = await extract(reading, archive, { target, members: include, signal });
    problems.push(...extracted.problems);
    lacking.push(extracted.notFound);
    bytesDone += archive.size;
  }
  // What has not changed since the full archive is in that one only.
  const absent = (lacking[0] ?? []).filter((path) => lacking.every((each) => each.includes(path)));
  const { files, bytes } = chain.at(-1)?.manifest ?? {};
  return {
    ...(include.length > 0 || files === undefined ? {} : { files }),
    ...(include.length > 0 || bytes === undefined ? {} : { bytes }),
    problems: [...absent.map((path) => `/${path} is not in the snapshot`), ...problems],
  };
}

/** A full archive, or one with what changed after it. Throws `snapshot-missing`. */
function chainOf(archives: readonly Archive[], id: string, repository: string): readonly Archive[] {
  const archive = archives.find((each) => each.id === id);
  if (archive === undefined)
    throw missing(`there is no snapshot ${id} in repository "${repository}"`);
  if (archive.kind === "full") return [archive];
  const base = archives.find((each) => each.id === archive.base);
  if (base !== undefined) return [base, archive];
  throw missing(
    `snapshot ${id} cannot be restored: its full archive ${archive.base ?? ""} is gone`,
  );
}

function missing(message: string): HoldfastError {
  return new HoldfastError("snapshot-missing", message, {
    hint: "see what there is with: holdfast snapshots",
  });
}
