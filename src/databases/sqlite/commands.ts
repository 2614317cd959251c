// Knows: the commands of SQLite's own tool. Pure. Must not know: when they are run.
import type { Command } from "../../hosts/host.ts";
import { toolCommand } from "../tool-command.ts";

/** Which database, and the words before every command. */
export interface Target {
  readonly file: string;
  readonly through: readonly string[];
}

/** What the script says of a copy on standard error, once the database can be written again. */
export const viewExists = "holdfast: the view exists";
export const sizeSaid = /^holdfast: (\d+) bytes$/m;

// What is cut short within its last page is no damage to the tool. A file that is missing would be made. Nobody's own settings of the tool are wanted.
const common = String.raw`
find_tool sqlite3
ask() { "$tool" -batch -init /dev/null "$@"; }
need() { [ -f "$1" ] || { echo "holdfast: there is no file $1" >&2; exit 96; }; }
aside() {
  own=$2
  # Its name is known before it is there: whenever this ends, it is removed.
  folder=$1/.holdfast-sqlite-$$-$(date +%s%N)
  trap 'rm -rf -- "$folder"; [ -z "$own" ] || rmdir -- "$own" 2>/dev/null || :' EXIT
  trap 'exit 96' HUP INT TERM PIPE
  [ -z "$own" ] || (umask 077 && mkdir -p -- "$own") || exit 96
  (umask 077 && mkdir -- "$folder") || exit 96
}
sound() {
  found=$(ask "$folder/copy" 'PRAGMA quick_check(1)') || exit 96
  [ "$found" = ok ] || { echo "holdfast: damaged: $found" >&2; exit 96; }
  pages=$(ask "$folder/copy" 'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size') || exit 96
  size=$(wc -c <"$folder/copy" | tr -d ' ')
  [ "$pages" = "$size" ] || { echo "holdfast: damaged: it has $size bytes instead of $pages" >&2; exit 96; }
}
`;

// The copy is made within one transaction: by itself the tool would begin again whenever somebody else writes.
const dumpScript = String.raw`${common}
need "$1"
aside "$2" "$3"
cd "$folder" || exit 96
ask "$1" >/dev/null <<'END' || exit 96
.bail on
.timeout 60000
BEGIN;
SELECT count(*) FROM sqlite_master;
.system echo 'holdfast: the view exists' >&2
.backup copy
COMMIT;
END
sound
echo "holdfast: $size bytes" >&2
cat copy
`;

/** Where a copy is made, in a folder of its own: what is cut short leaves that behind. */
export interface Aside {
  readonly folder: string;
  /** Whether that folder is there for nothing else: then it is made, and removed once it is empty. */
  readonly isOwn: boolean;
}

/** Writes the file of a copy. It is made aside, where the tool runs. */
export function dumpCommand({ file, through }: Target, { folder, isOwn }: Aside): Command {
  const words = [file, folder, isOwn ? folder : ""];
  return toolCommand({ through, script: dumpScript, words, effect: "reads" });
}

const restoreScript = String.raw`${common}
umask 077
# What an earlier one left that was cut short is the whole database too.
own="$(dirname -- "$1")/.$(basename -- "$1").restoring"
rm -rf -- "$own"
aside "$own" "$own"
cat >"$folder/copy" || exit 96
sound
is_new=; [ -e "$1" ] || is_new=yes
cd "$folder" || exit 96
ask "$1" >/dev/null <<'END' || exit 96
.bail on
.timeout 60000
.restore copy
END
if [ -n "$is_new" ]; then
  chown "$(stat -c %u:%g -- "$(dirname -- "$1")")" "$1" 2>/dev/null || :
fi
sync
`;

/** Replaces what is in a database by the file that comes on standard input. */
export function restoreCommand({ file, through }: Target): Command {
  return toolCommand({ through, script: restoreScript, words: [file], effect: "writes" });
}

const clientScript = String.raw`${common}
need "$1"
ask "$1"
`;

/** Runs the statements that come on standard input. */
export function clientCommand({ file, through }: Target): Command {
  return toolCommand({ through, script: clientScript, words: [file], effect: "reads" });
}

const sizeScript = String.raw`${common}
need "$1"
cat "$1-wal" 2>/dev/null | cat "$1" - | wc -c
`;

/** Says how many bytes it has. */
export function sizeCommand({ file, through }: Target): Command {
  return toolCommand({ through, script: sizeScript, words: [file], effect: "reads" });
}
