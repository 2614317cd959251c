// Knows: how a file is written that nobody else may read. Must not know: what is in it.
import type { Host } from "../hosts/host.ts";
import { Secret } from "../kernel/secret.ts";

// What it was told on standard input goes nowhere else. One that is there is replaced, never written through.
const writing = 'umask 077; rm -f -- "$1" && set -C && cat >"$1"';

/** Writes it anew, for its owner only. */
export async function writePrivateFile(
  host: Host,
  { file, text }: { readonly file: string; readonly text: string },
  signal: AbortSignal,
): Promise<void> {
  const argv = ["sh", "-c", writing, "sh", file] as const;
  await host.run({ argv, stdin: new Secret(text), effect: "writes" }, signal);
}
