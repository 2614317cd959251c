// Knows: which of rsync's own options a configuration may add, and why not the others. Must not know: what they are for here.

// Short options without a value. They may be joined, as in -aHAX.
const letters = new Set("arlptgoDHAXEUNSWczxmJOLkyI46C");

// Long options without a value; also after "no-".
const flags = new Set(
  `archive recursive links copy-links copy-unsafe-links safe-links copy-dirlinks hard-links
  perms executability acls xattrs owner group devices specials times atimes open-noatime crtimes
  omit-dir-times omit-link-times super fake-super sparse preallocate whole-file one-file-system
  ignore-times size-only fuzzy compress checksum numeric-ids prune-empty-dirs cvs-exclude inplace fsync
  implied-dirs inc-recursive ipv4 ipv6 force delete delete-before delete-during delete-delay
  delete-after delete-excluded del partial secluded-args protect-args msgs2stderr
  r l p t g o D H A X E U N S W c z x O`.split(/\s+/),
);

const withValue = new Set(
  `chmod checksum-choice cc block-size modify-window compress-choice zc compress-level zl skip-compress usermap
  groupmap chown timeout contimeout bwlimit max-size min-size max-alloc iconv checksum-seed address
  exclude include stop-after stop-at time-limit sockopts`.split(/\s+/),
);

const runsPrograms = "it runs programs";
const ownWords = "holdfast reads what rsync prints, and says itself what is to be printed";
const ownFilters = "write its rules under filters or filter-file";
const dropsProtection = "it would drop the rules that protect the repository";
const losesData = "it would change or delete what is to be kept";

const reasons: readonly (readonly [names: string, reason: string])[] = [
  [
    "rsh e rsync-path M remote-option daemon config server sender copy-as early-input",
    runsPrograms,
  ],
  ["remove-source-files remove-sent-files", "it deletes what is backed up"],
  [
    "ignore-errors delete-missing-args ignore-missing-args append append-verify update u",
    losesData,
  ],
  ["b backup backup-dir suffix existing ignore-non-existing ignore-existing", losesData],
  ["K keep-dirlinks", "it would write through links that lead out of the mirror"],
  ["write-devices copy-devices trust-sender old-args munge-links", losesData],
  ["max-delete", "write max-delete as a key of its own"],
  ["dry-run n list-only only-write-batch write-batch read-batch", "nothing would be backed up"],
  ["T temp-dir partial-dir delay-updates", "holdfast decides where unfinished files are"],
  ["link-dest compare-dest copy-dest", "write snapshots as a key of its own"],
  ["R relative d dirs files-from from0 no-implied-dirs mkpath", "it changes where files go"],
  ["v verbose q quiet h human-readable i itemize-changes info debug stats progress P", ownWords],
  ["out-format log-format log-file log-file-format outbuf stderr 8 8-bit-output version", ownWords],
  ["f filter F exclude-from include-from", ownFilters],
  ["password-file port", "it belongs to servers of rsync itself, which are not driven"],
];

const refused = new Map(
  reasons.flatMap(([names, reason]) => names.split(" ").map((name) => [name, reason] as const)),
);

/**
 * Says what is wrong with the first of these words that rsync may not be given, or nothing. What is not
 * known is refused: options of rsync can run programs, delete sources and undo protection.
 */
export function refusal(words: readonly string[]): string | undefined {
  let valueOf: string | undefined;
  for (const word of words) {
    const given = valueOf === undefined ? word : `${valueOf}=${word}`;
    if (/^--(exclude|include)=!$/.test(given)) return `${given} is refused: ${dropsProtection}`;
    if (valueOf !== undefined) {
      valueOf = undefined;
      continue;
    }
    if (!/^-./.test(word) || word === "--") return `"${word}" is not an option of rsync`;
    const found = word.startsWith("--") ? longRefusal(word.slice(2)) : shortRefusal(word.slice(1));
    if (found.refused !== undefined) return `${word} is refused: ${found.refused}`;
    valueOf = found.takesValue === true ? word : undefined;
  }
  return valueOf === undefined ? undefined : `${valueOf} lacks its value`;
}

interface Judged {
  readonly refused?: string;
  /** Its value is the next word. */
  readonly takesValue?: boolean;
}

const unknown = "holdfast does not know what it does to a mirror";

function longRefusal(text: string): Judged {
  const [name = "", value] = text.split("=", 2);
  const reason = refused.get(name);
  if (reason !== undefined) return { refused: reason };
  if (withValue.has(name)) return { takesValue: value === undefined };
  if (value === undefined && flags.has(name.replace(/^no-/, ""))) return {};
  return { refused: unknown };
}

function shortRefusal(text: string): Judged {
  for (const [index, letter] of text.split("").entries()) {
    if (letter === "B") return { takesValue: index === text.length - 1 };
    const reason = refused.get(letter);
    if (reason !== undefined) return { refused: reason };
    if (!letters.has(letter)) return { refused: unknown };
  }
  return {};
}

/** Whether files are changed where they lie: what hard-linked snapshots share would change with them. */
export function changesInPlace(words: readonly string[]): boolean {
  return words.includes("--inplace");
}
