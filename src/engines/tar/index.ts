// Knows: that tar makes archives. Must not know: how.
import { commonSpec, pathIn, type RepositorySpec, type ToolRequirement } from "../engine.ts";
import { Options } from "./options.ts";
import { TarRepository } from "./repository.ts";

/** Full and differential archives: their options, parsed into something that can be opened. */
export const tar = Options.transform((options): RepositorySpec => ({
  engine: options.engine,
  ...commonSpec(options),
  ...pathIn(options.at),
  accepts: new Set(["paths"]),
  onOtherHosts: true,
  readsOtherHosts: true,
  betweenOtherHosts: true,
  besideSource: true,
  browsable: false,
  provesItself: true,
  lacks: ["exclude-larger-than"],
  needs: toolsFor(options),
  open: (access) => new TarRepository(options, access),
}));

function toolsFor({ compress, encrypt }: Options): readonly ToolRequirement[] {
  const version = { versionArguments: ["--version"] };
  return [
    { tool: "tar", ...version, minimum: "1.29", package: "tar" },
    ...(compress === "zstd" ? [{ tool: "zstd", ...version, package: "zstd" }] : []),
    ...(compress === "gzip" ? [{ tool: "gzip", ...version, package: "gzip" }] : []),
    ...(encrypt !== undefined && "gpg" in encrypt
      ? [{ tool: "gpg", ...version, minimum: "2.2", package: "gnupg" }]
      : []),
    ...(encrypt !== undefined && "age" in encrypt
      ? [{ tool: "age", ...version, package: "age" }]
      : []),
  ];
}
