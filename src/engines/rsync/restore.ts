// Knows: how a snapshot, or paths of it, come back to this machine. Must not know: who chose them.
import { HoldfastError } from "../../kernel/errors.ts";
import type { Command } from "../../hosts/host.ts";
import { showLineOn, showCommand } from "../../hosts/show-command.ts";
import type { RestoreRequest, RestoreResult, Work } from "../engine.ts";
import { missingSnapshot } from "./copy.ts";
import { protectionArguments } from "./filters.ts";
import { folderOf } from "./layout.ts";
import type { Mirror, Pass } from "./mirror.ts";
import { keepingOptions } from "./passes.ts";
import type { Record } from "./record.ts";
import { pathInSnapshot } from "./sources.ts";
import { routeBetween, transferCommand, type Transfer } from "./transfer.ts";

// Options for the way there only: what they change has been changed, what they leave out is not there.
const onlyThere = /^--(bwlimit|(max|min)-size|exclude|include|chmod|chown|usermap|groupmap)\b/;

/** The others; a value of its own word goes with its option. */
function optionsBack(words: readonly string[]): readonly string[] {
  return words.filter((word, index) => {
    const before = words[index - 1] ?? "";
    const isValue = onlyThere.test(before) && !before.includes("=");
    return !onlyThere.test(word) && !isValue;
  });
}

/** The command that restores. `record` is what is known of the snapshot. Pure. */
function restoreTransfer(
  mirror: Mirror,
  request: RestoreRequest,
  record: Record | undefined,
): Transfer {
  const { host, here } = mirror.access;
  const paths = request.include.flatMap((path) => pathInSnapshot(record, path) ?? []);
  const some = request.include.length > 0 && !paths.includes("");
  return {
    route: routeBetween({ from: host, to: here, here }),
    options: [
      ...protectionArguments(),
      ...optionsBack(keepingOptions(mirror.options)),
      // With a list of files, folders are followed only when asked for.
      ...(some ? ["--files-from=-", "--from0", "--recursive"] : []),
      "--stats",
      "--info=progress2",
    ],
    sources: [`${folderOf(mirror.places, request.snapshot)}/`],
    target: request.target,
    effect: "writes",
    // With "./" in front, none is taken for a comment or an option.
    ...(some && { stdin: paths.map((path) => `./${path}\0`).join("") }),
  };
}

/** What a dry run prints. Pure. */
export function plannedRestore(mirror: Mirror, request: RestoreRequest): Command {
  return transferCommand(restoreTransfer(mirror, request, undefined));
}

/** Restores. Throws `snapshot-missing`. */
export async function restoreSnapshot(
  mirror: Mirror,
  request: RestoreRequest,
  work: Work,
): Promise<RestoreResult> {
  const record = await recordFor(mirror, request.snapshot, work.signal);
  const outside = request.include.filter((path) => pathInSnapshot(record, path) === undefined);
  const absent = outside.map((path) => `${path} is not in snapshot ${request.snapshot}`);
  if (outside.length > 0 && outside.length === request.include.length) return { problems: absent };
  const pass = await mirror.copy(restoreTransfer(mirror, request, record), work);
  const { transferred, transferredBytes } = pass.statistics;
  return {
    files: transferred,
    bytes: transferredBytes,
    problems: [...problemsOf(pass), ...absent],
  };
}

function problemsOf({ complaints, counts }: Pass): readonly string[] {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const told = complaints.map(({ text }) => text.replace(/^rsync: /, ""));
  return all > told.length ? [...told, `and ${all - told.length} more`] : told;
}

/** What is known of a snapshot that is there. Throws `snapshot-missing`. */
async function recordFor(
  mirror: Mirror,
  id: string,
  signal: AbortSignal,
): Promise<Record | undefined> {
  if (mirror.places.layout === "none") {
    const record = await mirror.mirrorRecord(signal);
    if (record?.id === id && record.complete) return record;
    throw record?.complete === false ? unfinished(mirror) : missingSnapshot(mirror, id);
  }
  const standing = await mirror.standing(signal);
  const { records } = standing;
  if (!standing.snapshots.some((snapshot) => snapshot.id === id)) throw missingSnapshot(mirror, id);
  return records.get(id);
}

function unfinished({ places, access, subject }: Mirror): HoldfastError {
  const by = {
    argv: ["rsync", "-aHAX", "--", `${places.root}/`, "TARGET/"],
    effect: "reads",
  } as const;
  return new HoldfastError(
    "snapshot-missing",
    `the mirror of repository "${subject.name}" was being changed when its last backup ended, and is a mixture of two states`,
    {
      hint: `back up again; or take what is there with: ${showLineOn(access.host, showCommand(by))}`,
    },
  );
}
