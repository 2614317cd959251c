// Knows: what the other machine is told to do, as scripts for a POSIX shell. Must not know: how they get there.
import type { Command, EndSignal } from "../host.ts";
import { Secret } from "../../kernel/secret.ts";
import { quoteWord, quoteWords } from "./shell-text.ts";

/** Where the commands of one connection are listed on the other machine. */
export interface Register {
  /** A private directory there. */
  readonly directory: string;
}

/** How a command is to run there. */
export interface Running {
  readonly register: Register;
  /** What the command is listed as. */
  readonly token: string;
  /** A file its input is read from, or its output is written to, instead of the connection. */
  readonly from?: string;
  readonly to?: string;
}

// Whether a program is there is asked before it is started: what a shell says afterwards is in the
// language of that machine. A name is looked up as execvp(3) does it.
const lookup = `look() {
  case $1 in
    */*) set -- "$1" "$1";;
    *) R=missing; P=; O=$IFS; IFS=:; set -f
      for d in $PATH; do
        if [ -f "\${d:-.}/$1" ]; then
          if [ -x "\${d:-.}/$1" ]; then R=; P=\${d:-.}/$1; break; fi
          R=refused; P=\${d:-.}/$1
        fi
      done; IFS=$O; set +f; return;;
  esac
  P=$1; R=
  if [ ! -f "$1" ]; then R=missing; elif [ ! -x "$1" ]; then R=refused; fi
}
interpreter() {
  L=; { IFS= read -r L <"$1"; } 2>/dev/null
  case $L in '#!'*) L=\${L#'#!'}; L=\${L# }; L=\${L%% *}; [ -x "$L" ] || R=interpreter;; esac
}`;

/** What a command needs before it can start: its folder, its environment, its words. */
function setting(command: Command): string {
  const lines = Object.entries(command.env ?? {}).map(([name, value]) => {
    return `export ${name}=${quoteWord(value instanceof Secret ? value.reveal() : value)}`;
  });
  const folder =
    command.cwd === undefined ? [] : [`cd ${quoteWord(asPath(command.cwd))} || R=folder`];
  return ["R=", `set -- ${quoteWords(command.argv)}`, ...folder, ...lines].join("\n");
}

// cd and test would take these for an option, or for the folder they came from.
function asPath(path: string): string {
  return path.startsWith("-") ? `./${path}` : path;
}

/**
 * Runs a command and says on both of its outputs how it ended, in a line that begins with the token: a
 * connection that is lost is then told from a command that ends with the same status. It also says when it
 * begins: what is heard before that are the words of the login shell. It is listed by its process group, so
 * that it can be ended from another session.
 */
export function runScript(command: Command, running: Running): string {
  const { token, from, to } = running;
  const input = from === undefined ? "" : ` <${quoteWord(from)}`;
  const begun = `printf '\\n%s begun\\n' ${token}`;
  // A reader must not see the end of its input before this stage's time is taken: the shell keeps it open.
  const act =
    to === undefined
      ? `(exec "$@"${input} 2>&3 3>&-); s=$?; clock`
      : `s=143; { (exec "$@"${input} >&4 2>&3 3>&- 4>&-); s=$?; clock; } 4>${quoteWord(to)}`;
  return `${enlisted(running)}
${begun} >&3
${to === undefined ? begun : ":"}
clock() { u=; { read -r u _ </proc/uptime; } 2>/dev/null; }
${lookup}
${setting(command)}
s=127; u=
if [ -z "$R" ]; then look "$1"; fi
if [ -z "$R" ]; then
  ${act}
  case $s in 126|127) interpreter "$P";; esac
fi
${delisted(running)}
printf '\\n%s %s %s %s\\n' ${token} "$s" "\${R:-ok}" "$u" >&3
${to === undefined ? `printf '\\n%s\\n' ${token}` : ":"}
exit 0`;
}

/** What a script says behind a command that ended with the status with which ssh tells of a lost connection. */
export const endedWith255 = "(the command itself ended with exit status 255)";

/** The same for a command whose outputs somebody else reads: its status is that of ssh. */
export function plainRunScript(command: Command, running: Running): string {
  return `${enlisted(running)}
${lookup}
${setting(command)}
s=127
if [ -z "$R" ]; then look "$1"; fi
case $R in
  '') (exec "$@" 2>&3 3>&-); s=$?;;
  folder) echo "there is no folder" ${quoteWord(command.cwd ?? "")} >&3; s=126;;
  refused) printf '%s may not be executed\\n' "$P" >&3; s=126;;
  *) printf '%s was not found\\n' "$1" >&3;;
esac
[ "$s" != 255 ] || echo '${endedWith255}' >&3
${delisted(running)}
exit $s`;
}

/** What a script says when it cannot be listed, and so does not run its command. */
export const noRoom = "holdfast cannot write into its private directory";

// A shell would say "Terminated" where the command's own words belong, so its own are dropped. It
// must live until the command has ended, and the command must not inherit that.
function enlisted({ register, token }: Running): string {
  const entry = quoteWord(`${register.directory}/${token}`);
  return `exec 3>&2 2>/dev/null
trap : TERM INT HUP
echo $$ >${entry} || { echo '${noRoom}' >&3; exit 255; }
[ ! -e ${entry}.end ] || exit 255`;
}

// The environment of the command may have no PATH of use.
function delisted({ register, token, from }: Running): string {
  const files = [`${register.directory}/${token}`, ...(from === undefined ? [] : [from])];
  return `PATH=/usr/bin:/bin:$PATH rm -f ${quoteWords(files)}`;
}

/**
 * Prepares a pipeline: says of each stage that could not start what is wrong, in a line with its number, and makes
 * the files through which bytes go from stage to stage.
 */
export function prepareScript(
  commands: readonly Command[],
  fifos: readonly string[],
  token: string,
): string {
  const stages = commands.map(
    (command, index) =>
      `( ${setting(command)}\nif [ -z "$R" ]; then look "$1"; fi\nprintf '%s %s 127 %s\\n' ${index} ${token} "\${R:-ok}" )`,
  );
  return `exec 3>&2 2>/dev/null
umask 077
${lookup}
mkfifo ${quoteWords(fifos)} || exit 1
echo
${stages.join("\n")}
exit 0`;
}

/** How what is listed is ended. */
export interface Ending {
  readonly tokens: readonly string[];
  readonly signal: EndSignal;
  readonly graceMs: number;
}

// A process group is gone when nothing of it can be signalled. Linux also counts those that nobody has
// asked for their exit status, which the first process of a container often never does.
const groups = `lives() {
  kill -s 0 -- "-$1" 2>/dev/null || return 1
  [ -r /proc/self/stat ] || return 0
  for f in /proc/[0-9]*/stat; do
    { IFS= read -r l <"$f"; } 2>/dev/null || continue
    set -- "$1" \${l##*) }
    [ "$4" = "$1" ] || continue
    case $2 in Z|X) ;; *) return 0;; esac
  done
  return 1
}
nap() { sleep 0.05 2>/dev/null || sleep 1; }
finish() {
  n=$1; shift
  while :; do
    left=
    for g in "$@"; do if lives "$g"; then left="$left $g"; fi; done
    [ -n "$left" ] || return 0
    [ "$n" -gt 0 ] || break
    n=$((n - 1)); nap
  done
  for g in $left; do kill -s KILL -- "-$g"; done
}`;

/** Ends listed commands, and keeps those from starting that are on their way. */
export function endScript(register: Register, { tokens, signal, graceMs }: Ending): string {
  return `exec 2>/dev/null
trap '' TERM INT HUP
${groups}
cd ${quoteWord(register.directory)} || exit 0
set --
for t in ${quoteWords(tokens)}; do
  : >"$t.end"
  g=; if [ -f "$t" ]; then read -r g <"$t"; fi
  [ -n "$g" ] || continue
  kill -s ${signal.slice("SIG".length)} -- "-$g"; kill -s CONT -- "-$g"
  set -- "$@" "$g"
done
finish ${Math.ceil(graceMs / 50)} "$@"
exit 0`;
}

/**
 * The session of the connection itself. It makes the register and says where it is; when the connection
 * ends, however that happens, it ends what is still listed and removes the register.
 */
export function keeperScript(id: string, graceMs: number): string {
  return `exec 3>&1 2>/dev/null
trap : TERM INT HUP PIPE
umask 077
${groups}
for d in "$XDG_RUNTIME_DIR" "$TMPDIR" /tmp; do
  case $d in /*) if mkdir "$d/holdfast-${id}"; then break; fi;; esac
  d=
done
[ -n "$d" ] || { printf '\\n%s no directory\\n' ${id} >&3; exit 1; }
cd "$d/holdfast-${id}"
printf '\\n%s %s\\n' ${id} "$d/holdfast-${id}" >&3
exec >/dev/null 3>&-
while read -r _; do :; done
set --
for t in ./*; do
  case $t in *.end) continue;; esac
  g=; if [ -f "$t" ]; then read -r g <"$t"; fi
  case $g in ''|*[!0-9]*) continue;; esac
  kill -s TERM -- "-$g"; kill -s CONT -- "-$g"
  set -- "$@" "$g"
done
finish ${Math.ceil(graceMs / 50)} "$@"
cd /
chmod -R u+rwx "$d/holdfast-${id}"
rm -rf "$d/holdfast-${id}"`;
}
