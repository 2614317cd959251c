// Knows: the commands that put a file beside config.php which switches maintenance on, and take it away. Must not know: when.
import { CommandFailed } from "../hosts/command-failed.ts";
import type { Command, Host } from "../hosts/host.ts";

/** Read after config.php and nearly everything else: Nextcloud goes by natural order. */
export const maintenanceFile = "zz-holdfast.config.php";

/** Files of ours that can be beside a config.php. A copy of its folder is better without them. */
export const maintenanceFiles: readonly string[] = [maintenanceFile];

/** The folder of a config.php, and whose file it is that is put there. */
export interface FilePlace {
  readonly config: string;
  /** Tells the file of one run from that of another. */
  readonly token: string;
}

// Under a name that Nextcloud does not read until it is whole. Readable for all, as it holds no secret and the web
// server must read it; its owner may take it away by hand. Nothing is replaced. Not every disk has hard links.
const putting = `cd -- "$1" || exit 3
grep -qF -- "$3" "$2" 2>/dev/null && exit 0
umask 022
printf '%s' "$4" > ".$2.$3" || { rm -f -- ".$2.$3"; exit 5; }
chmod 0644 ".$2.$3" || exit 5
chown --reference=config.php ".$2.$3" 2>/dev/null
ln -- ".$2.$3" "$2" 2>/dev/null || mv -n -- ".$2.$3" "$2"
rm -f -- ".$2.$3"
grep -qF -- "$3" "$2" 2>/dev/null && exit 0
[ -e "$2" ] && exit 4
exit 5`;

const taking = `cd -- "$1" || exit 3
rm -f -- ".$2.$3"
[ -e "$2" ] || exit 6
grep -qF -- "$3" "$2" || exit 4
rm -f -- "$2"`;

/** How a file was put or taken away. `absent`: there was none; `another's`: one of another run is there. */
export type FileOutcome =
  | "done"
  | "absent"
  | "no folder"
  | "another's"
  | { readonly reason: string };

/** What the exit statuses of the scripts mean. */
const outcomes: ReadonlyMap<number, FileOutcome> = new Map([
  [0, "done"],
  [3, "no folder"],
  [4, "another's"],
  [6, "absent"],
]);
/** What failed has said why. */
const failed = 5;

/** Puts the file there, unless one is there. May be repeated. */
export async function putFile(
  host: Host,
  { config, token }: FilePlace,
  signal: AbortSignal,
): Promise<FileOutcome> {
  const text = `<?php
// Put here by holdfast while it makes a backup, and taken away by it: holdfast recover. (${token})
$CONFIG = ['maintenance' => true];
`;
  return await change(
    host,
    ["sh", "-c", putting, "sh", config, maintenanceFile, token, text],
    signal,
  );
}

/** Takes it away, and what an interrupted `putFile` left. Succeeds when it is gone. */
export async function takeFile(
  host: Host,
  { config, token }: FilePlace,
  signal: AbortSignal,
): Promise<FileOutcome> {
  return await change(host, ["sh", "-c", taking, "sh", config, maintenanceFile, token], signal);
}

async function change(
  host: Host,
  argv: Command["argv"],
  signal: AbortSignal,
): Promise<FileOutcome> {
  const okExits = [...outcomes.keys(), failed];
  const command: Command = { argv, effect: "writes", okExits, timeoutMs: 120_000 };
  try {
    const { exitStatus, stderr } = await host.run(command, signal);
    return outcomes.get(exitStatus) ?? { reason: stderr.trim() };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { reason: error.result.stderr.trim() };
  }
}

/** Whether there is a config.php in this folder, and a file can be put beside it. */
export async function canHoldFile(
  host: Host,
  config: string,
  signal: AbortSignal,
): Promise<boolean> {
  const looking = 'test -f "$1/config.php" && test -w "$1" && test -x "$1"';
  const argv = ["sh", "-c", looking, "sh", config] as const;
  const { exitStatus } = await host.run({ argv, effect: "reads", okExits: [0, 1] }, signal);
  return exitStatus === 0;
}
