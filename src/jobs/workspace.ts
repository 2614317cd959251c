// Knows: the private folder that an application is restored into before it is put back. Must not know: any application.
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { posix } from "node:path";
import * as z from "zod";
import type { Command, Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Ledger, Undo } from "../kernel/ledger.ts";

const kind = "restore-workspace";

const Data = z.object({ folder: z.string() });

/** A folder on this machine. Disposing of it removes it with all it holds, unless it is to be kept. */
export interface Workspace extends AsyncDisposable {
  readonly path: string;
}

/** Where it is to be: by default where large temporary files are. One that is `kept` is the person's own. */
export interface WorkspaceWish {
  readonly path: string | undefined;
  readonly kept: boolean;
  readonly ledger: Ledger;
}

/** Makes it, for this user only. Throws `target-invalid` where it cannot be made. */
export async function makeWorkspace(
  here: Host,
  { path = somewhere(), kept, ledger }: WorkspaceWish,
  signal: AbortSignal,
): Promise<Workspace> {
  if (kept) {
    await here.run(makeCommand(path, ["--parents"]), signal);
    return { path, [Symbol.asyncDispose]: async () => {} };
  }
  const promised = ledger.promise({ kind, subject: `the folder ${path}`, data: { folder: path } });
  try {
    await here.run(makeCommand(posix.dirname(path), ["--parents"]), signal);
    await here.run(makeCommand(path, []), signal);
  } catch (cause) {
    promised.settle();
    const message = `the folder ${path} cannot be made`;
    const hint = "it has to be on the file system of what is put back; see docs/guides/restore.md";
    throw new HoldfastError("target-invalid", message, { hint, cause });
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      // Nobody's patience ends this: what is left would fill the disk.
      await here.run(removeCommand(path), new AbortController().signal);
      promised.settle();
    },
  };
}

// What is in /tmp may be in memory. Whoever names another folder means it.
function somewhere(): string {
  const folder = tmpdir() === "/tmp" ? "/var/tmp" : tmpdir();
  return posix.join(folder, `holdfast-restoring-${randomUUID()}`);
}

function makeCommand(path: string, options: readonly string[]): Command {
  return { argv: ["mkdir", ...options, "--mode=0700", "--", path], effect: "writes" };
}

function removeCommand(path: string): Command {
  const argv = ["rm", "--recursive", "--force", "--one-file-system", "--", path] as const;
  return { argv, effect: "writes" };
}

/** How what an interrupted restore left there is removed. */
export function workspaceUndoings(here: Host): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      kind,
      async (entry, signal) => {
        const { folder } = Data.parse(entry.data);
        await here.run(removeCommand(folder), signal);
      },
    ],
  ]);
}
