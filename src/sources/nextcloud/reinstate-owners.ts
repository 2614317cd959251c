// Knows: to whom restored files belong on this machine. Must not know: what they are.
import type { Host } from "../../hosts/host.ts";

/** A restored data directory, and the one that is there. */
export interface Owned {
  readonly host: Host;
  readonly from: string;
  readonly to: string;
}

/**
 * Gives restored files to the owner of the data directory where its number was another one when they were
 * backed up, as in another container. What belonged to anybody else is left so. Answers with sentences about
 * what could not be done.
 */
export async function adoptOwners(
  { host, from, to }: Owned,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [there] = await host.inspect([to], signal);
  if (there?.kind !== "directory") return [];
  const argv = ["stat", "-c", "%u %g", "--", from, to] as const;
  const { stdout } = await host.run({ argv, effect: "reads" }, signal);
  const [restored = "", present = ""] = stdout.trimEnd().split("\n");
  if (restored === present) return [];
  const { stdout: who } = await host.run({ argv: ["id", "-u"], effect: "reads" }, signal);
  if (who.trim() !== "0") {
    return [
      `restored files belong to ${restored.replace(" ", ":")} and not to ${present.replace(" ", ":")} as the data directory does: only root can change that`,
    ];
  }
  const [user = "", group = ""] = restored.split(" ");
  const [newUser = "", newGroup = ""] = present.split(" ");
  for (const [old, now] of [
    [user, newUser],
    [`:${group}`, `:${newGroup}`],
  ] as const) {
    await host.run(
      {
        argv: ["chown", "--recursive", "--no-dereference", `--from=${old}`, now, "--", from],
        effect: "writes",
      },
      signal,
    );
  }
  return [];
}
