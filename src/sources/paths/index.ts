// Knows: files and folders that are safe to read as they are. Must not know: what reads them.
import * as z from "zod";
import type { PathState } from "../../hosts/host.ts";
import type { PreparedPaths } from "../../kernel/prepared-source.ts";
import {
  notReady,
  type Source,
  type SourceAccess,
  type SourceSpec,
  type SourceState,
} from "../source.ts";

const Path = z
  .string()
  .min(1)
  .meta({
    description:
      "A file or folder: `VOLUME:PATH` on a configured volume, an absolute path, or ~/PATH. Not a symbolic link: name the place it leads to.",
    examples: ["~/Documents", "laptop:Pictures", "/etc"],
  });

/** Files and folders: a path, parsed into something that can be opened. */
export const paths = z
  .union([Path, z.strictObject({ path: Path })])
  .transform((options): SourceSpec => {
    const at = typeof options === "string" ? options : options.path;
    return { kind: "paths", label: at, at, open: (access) => openPaths(at, access) };
  });

function openPaths(label: string, { host, location }: SourceAccess): Source {
  const observe = async (signal: AbortSignal): Promise<SourceState> => {
    const [found = { kind: "missing" }] = await host.inspect([location], signal);
    return stateOf(location, found);
  };
  return {
    label,
    paths: [location],
    observe,
    async prepare(signal): Promise<PreparedPaths> {
      const state = await observe(signal);
      if (state.kind !== "ready") throw notReady(label, state, hints);
      // Nothing was changed, so there is nothing to put back.
      return { kind: "paths", paths: [location], [Symbol.asyncDispose]: async () => {} };
    },
  };
}

function stateOf(path: string, found: PathState): SourceState {
  switch (found.kind) {
    case "missing":
      return { kind: "missing", reason: `${path} does not exist` };
    case "unreadable":
      return { kind: "unreadable", reason: `${path} cannot be read: ${found.reason}` };
    case "other":
      return {
        kind: "unreadable",
        reason: `${path} is a device, a socket or a pipe: it has no content that could be kept`,
      };
    case "file":
    case "directory":
      return found.leadsTo === undefined
        ? { kind: "ready", empty: found.empty }
        : { kind: "unreadable", reason: linkReason(path, found.leadsTo) };
  }
}

// Seen with restic 0.14 to 0.19: given a link, it saves the link and not one file behind it, and
// reports success. A slash behind the path changes nothing, because restic tidies the path first.
// Reading the place it leads to instead would change the paths in the snapshots whenever the link is
// changed, and what is told apart by them; so the configuration says which place is meant.
function linkReason(path: string, leadsTo: string): string {
  return `${path} is a symbolic link, and a backup would hold nothing but the link: write the place it leads to, ${leadsTo}`;
}

const hints = {
  missing: "mount the disk it is on, or correct the path in the configuration",
  unreadable: "let the user that runs holdfast read it, or name another place in the job's sources",
};
