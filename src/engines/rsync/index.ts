// Knows: mirrors by rsync, from their options to an opened repository. Must not know: jobs, schedules, volumes.
import { commonSpec, pathIn, type RepositorySpec, type ToolRequirement } from "../engine.ts";
import { Options } from "./options.ts";
import { openMirror } from "./repository.ts";

/** A mirror kept by rsync: its options, parsed into something that can be opened. */
export const rsync = Options.transform((options): RepositorySpec => {
  return {
    engine: options.engine,
    ...commonSpec(options),
    ...pathIn(options.at),
    accepts: new Set(["paths"]),
    onOtherHosts: true,
    readsOtherHosts: true,
    browsable: true,
    // rsync compares names as they are, and cannot leave out a folder because of a file in it.
    lacks: ["exclude-if-present", "exclude-ignore-case"],
    needs: [rsyncTool, ...(options.snapshots === "btrfs" ? [btrfsTool] : [])],
    open: (access) => openMirror(options, access),
  };
});

const rsyncTool: ToolRequirement = {
  tool: "rsync",
  versionArguments: ["--version"],
  // The first that reports progress of the whole.
  minimum: "3.1.0",
  advised: {
    version: "3.4.3",
    why: "older ones let a hostile other end write outside the target, among other known holes",
  },
  unlike: {
    says: "openrsync",
    why: "openrsync lacks much of what is needed: install rsync itself",
  },
  package: "rsync",
};

const btrfsTool: ToolRequirement = {
  tool: "btrfs",
  versionArguments: ["--version"],
  package: "btrfs-progs",
};
