// Knows: where a Linux machine keeps the desktops of its users. Must not know: what is shown there.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Session } from "./commands.ts";

/** Where systemd and elogind keep one directory for each user who is logged in. */
export const runtimeDirectories = "/run/user";

/** Everybody who is logged in and has a message bus, by user id. */
export async function desktopSessions(directory: string): Promise<readonly Session[]> {
  const sessions: Session[] = [];
  for (const name of await namesIn(directory)) {
    const session = await sessionIn(join(directory, name), Number(name));
    if (session !== undefined) sessions.push(session);
  }
  return sessions.toSorted((a, b) => a.userId - b.userId);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => /^\d+$/.test(name));
  } catch (error) {
    // A machine without logins has no such directory.
    if (isAbsence(error)) return [];
    throw error;
  }
}

async function sessionIn(directory: string, userId: number): Promise<Session | undefined> {
  try {
    const owner = await stat(directory);
    const bus = await stat(join(directory, "bus"));
    if (!bus.isSocket() || owner.uid !== userId || bus.uid !== userId) return undefined;
    return { userId, groupId: owner.gid, directory };
  } catch (error) {
    // The user has logged out in the meantime, has no bus, or is not for us to look at.
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR" || code === "EACCES";
}
