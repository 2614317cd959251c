// Knows: the commands that change a repository. Must not know: in which order they come.
import type { Command } from "../../hosts/host.ts";
import { leavingPlace, type Places, snapshotPlace } from "./layout.ts";

const plainWords = { LC_ALL: "C" };

/** The folders of a repository that is empty. */
export function initCommands({
  root,
  sha1,
  etag,
  manifests,
  snapshots,
}: Places): readonly Command[] {
  return [
    // Whoever may look into it is for its owner to say.
    { argv: ["mkdir", "--parents", "--mode=0700", "--", root], effect: "writes" },
    { argv: ["mkdir", "--parents", "--", sha1, etag, manifests, snapshots], effect: "writes" },
  ];
}

/** Puts all that was written there on the disk. */
export function syncCommand({ store }: Places): Command {
  return { argv: ["sync", "--file-system", "--", store], effect: "writes" };
}

export function removeCommand(paths: readonly string[]): Command {
  return {
    argv: ["rm", "--recursive", "--force", "--one-file-system", "--", ...paths],
    effect: "writes",
    env: plainWords,
  };
}

/** A snapshot vanishes from the listing in one moment, and then from the disk. */
export function forgetCommands(places: Places, name: string): readonly Command[] {
  const gone = leavingPlace(places, name);
  return [
    {
      argv: ["mv", "--no-target-directory", "--", snapshotPlace(places, name), gone],
      effect: "writes",
      env: plainWords,
    },
    removeCommand([gone]),
  ];
}

export function makeTargetCommand(target: string): Command {
  return { argv: ["mkdir", "--parents", "--mode=0700", "--", target], effect: "writes" };
}

/** Copies of a snapshot's files, none of which is a link to what is stored. */
export function restoreCommand(asked: {
  readonly root: string;
  /** Relative to it; "." is all. */
  readonly inside: readonly string[];
  readonly target: string;
}): Command {
  const { root, inside, target } = asked;
  const how = ["--recursive", "--no-dereference", "--preserve=mode,timestamps", "--reflink=auto"];
  const what = inside.includes(".")
    ? ["--", "./."]
    : ["--parents", "--", ...inside.map((path) => `./${path}`)];
  return {
    argv: ["cp", ...how, "--sparse=auto", ...what, target],
    cwd: root,
    effect: "writes",
    env: plainWords,
  };
}
