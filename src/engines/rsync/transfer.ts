// Knows: between which two places rsync copies, and on which machine it is started then. Must not know: what is copied, and how.
import type { Command, Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";

/** How rsync gets from one machine to another. */
export interface Route {
  /** The machine on which rsync is started. */
  readonly runner: Host;
  /** The machine at the other end of ssh, if there is any. */
  readonly far?: Host;
  readonly sourceIsFar: boolean;
}

/** Whether two hosts are one machine. Each may be wrapped, so they are compared by name. */
function isSameMachine(a: Host, b: Host): boolean {
  if (a.remote === undefined || b.remote === undefined) return a.remote === b.remote;
  return a.name === b.name;
}

/** Finds the way. Throws `repository-unsupported` between two other machines: rsync cannot do that. */
export function routeBetween(ends: {
  readonly from: Host;
  readonly to: Host;
  readonly here: Host;
}): Route {
  const { from, to, here } = ends;
  if (isSameMachine(from, to)) return { runner: to, sourceIsFar: false };
  if (to.remote === undefined) return { runner: here, far: from, sourceIsFar: true };
  if (from.remote === undefined) return { runner: here, far: to, sourceIsFar: false };
  throw new HoldfastError(
    "repository-unsupported",
    `rsync cannot copy from host "${from.name}" to host "${to.name}": one end must be this machine, or both the same host`,
    { hint: "mirror to this machine first, and from here to the other host with a second job" },
  );
}

/** Whether rsync can get from one to the other. */
export function isReachable(a: Host, b: Host): boolean {
  return a.remote === undefined || b.remote === undefined || isSameMachine(a, b);
}

/** What rsync is told of one copying. */
export interface Transfer {
  readonly route: Route;
  /** Options, ours and those of the user. */
  readonly options: readonly string[];
  /** Absolute paths, with a slash at the end where the contents are meant. */
  readonly sources: readonly string[];
  /** Absolute. */
  readonly target: string;
  readonly effect: Command["effect"];
  readonly stdin?: string;
}

// Plain numbers and plain words, whatever the user's language is; progress as it comes.
// `-s`: no shell at the other end sees a path. Its long name is younger than the option.
const manner = ["-s", "--no-human-readable", "--outbuf=L"];

/** rsync as a command of the machine that `route` names. Pure. */
export function transferCommand(transfer: Transfer): Command {
  const { route, options, sources, target, effect, stdin } = transfer;
  const { far, sourceIsFar } = route;
  const shell = far?.remote === undefined ? [] : ["-e", shellWords(far.remote.shell)];
  const there = (path: string): string =>
    far?.remote === undefined ? path : `${far.remote.destination}:${literal(path)}`;
  return {
    argv: [
      "rsync",
      ...options,
      ...manner,
      ...shell,
      "--",
      ...(sourceIsFar ? sources.map(there) : sources),
      far === undefined || sourceIsFar ? target : there(target),
    ],
    env: { LC_ALL: "C" },
    effect,
    ...(stdin === undefined ? {} : { stdin }),
  };
}

/**
 * Words for `-e`, which rsync splits at blanks by itself: a quote in a quoted word is written twice.
 */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`))
    .join(" ");
}

/**
 * A path on another machine as rsync takes it for no pattern. With `-s` no shell sees it, but rsync
 * itself fills in `*`, `?` and `[` there; a backslash counts only in what holds one of those.
 */
function literal(path: string): string {
  return /[*?[]/.test(path) ? path.replaceAll(/[\\*?[\]]/g, String.raw`\$&`) : path;
}
