// Knows: what a run of rsync proves. Must not know: whether that is enough.
import type { Evidence } from "../../kernel/evidence.ts";
import type { Pass } from "./mirror.ts";
import type { Complaint } from "./output.ts";

// So many names are told in a note.
const named = 20;

/** What a run of rsync proved, with notes of what does no harm. */
export function evidenceOf(pass: Pass, strays: readonly string[] = []): Evidence {
  const { statistics, exitStatus } = pass;
  const unreadable = unreadableOf(pass);
  // It says that something is missing even where it does not say what.
  const explained = ["unreadable", "attributes"] as const;
  const unexplained = exitStatus === 23 && explained.every((kind) => count(pass, kind) === 0);
  const unreadableCount = Math.max(count(pass, "unreadable"), unexplained ? 1 : 0);
  const notes = notesOf(pass, strays);
  return {
    files: statistics.files,
    bytes: statistics.bytes,
    added: statistics.transferredBytes,
    ...(unreadableCount === 0 ? {} : { unreadable, unreadableCount }),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

function unreadableOf({ complaints }: Pass): readonly string[] {
  const found = complaints.filter(({ kind }) => kind === "unreadable");
  return [...new Set(found.map(({ path, text }) => path ?? text))];
}

function notesOf(pass: Pass, strays: readonly string[]): readonly string[] {
  const { statistics, unsafeLinks, unsafeLinkCount } = pass;
  const vanished = count(pass, "vanished");
  const attributes = count(pass, "attributes");
  const stopped = count(pass, "deletions-stopped");
  return [
    ...(statistics.deleted > 0
      ? [`${statistics.deleted} files and folders were deleted from the mirror`]
      : []),
    ...(vanished > 0
      ? [
          `${amount(vanished, "file")} vanished while being read: ${list(pathsOf(pass, "vanished"), vanished)}`,
        ]
      : []),
    ...(unsafeLinkCount > 0
      ? [
          `${amount(unsafeLinkCount, "symbolic link")} leading out of the source left out: ${list(unsafeLinks, unsafeLinkCount)}`,
        ]
      : []),
    ...(attributes > 0
      ? [
          `attributes could not be kept, ${attributes} times: ${list(pathsOf(pass, "attributes"), attributes)}`,
        ]
      : []),
    ...(stopped > 0 ? [`${stopped} deletions are left for the next run`] : []),
    ...(count(pass, "deletions-skipped") > 0
      ? ["nothing was deleted from the mirror, because not all of the source could be read"]
      : []),
    ...(strays.length > 0
      ? [
          `in the mirror, and of no source of the job any more: ${list(strays, strays.length)}; remove it yourself when it is not needed`,
        ]
      : []),
  ];
}

function count({ counts }: Pass, kind: Complaint["kind"]): number {
  return counts.get(kind) ?? 0;
}

function pathsOf({ complaints }: Pass, kind: Complaint["kind"]): readonly string[] {
  const found = complaints.filter((complaint) => complaint.kind === kind);
  return found.map(({ path, text }) => path ?? text);
}

function amount(figure: number, what: string): string {
  return `${figure} ${what}${figure === 1 ? "" : "s"}`;
}

function list(names: readonly string[], all: number): string {
  const shown = names.slice(0, named);
  const more = all - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
