// Knows: that content out of object stores can be kept as readable trees. Must not know: how.
import { commonSpec, pathIn, type RepositorySpec, type ToolRequirement } from "../engine.ts";
import { Options } from "./options.ts";
import { ObjectsRepository } from "./repository.ts";

const needs: readonly ToolRequirement[] = [
  { tool: "find", versionArguments: ["--version"], package: "findutils" },
  { tool: "sync", versionArguments: ["--version"], minimum: "8.24", package: "coreutils" },
];

/** Readable trees over a store of content: their options, parsed into something that can be opened. */
export const objects = Options.transform((options): RepositorySpec => ({
  engine: options.engine,
  ...commonSpec(options),
  ...pathIn(options.at),
  accepts: new Set(["objects"]),
  onOtherHosts: false,
  readsOtherHosts: true,
  browsable: true,
  provesItself: true,
  lacks: [
    "exclude",
    "exclude-files",
    "exclude-if-present",
    "exclude-larger-than",
    "exclude-ignore-case",
    "one-file-system",
  ],
  needs,
  open: (access) => new ObjectsRepository(options, access),
}));
