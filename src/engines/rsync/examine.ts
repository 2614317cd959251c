// Knows: what a repository needs besides tools, and the commands that bring it. Must not know: who shows them.
import type { Finding } from "../../kernel/finding.ts";
import type { Mirror } from "./mirror.ts";

export async function examineMirror(
  mirror: Mirror,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  await mirror.look(signal);
  return [];
}
