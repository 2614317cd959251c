// Knows: restic, from its options to an opened repository. Must not know: jobs, schedules, volumes.
import { commonSpec, type RepositorySpec, type ToolRequirement } from "../engine.ts";
import { Options, localPathOf, transportOf } from "./options.ts";
import { openRestic } from "./repository.ts";
import { minimumVersion } from "./versions.ts";

/** A repository kept by restic: its options, parsed into something that can be opened. */
export const restic = Options.transform((options): RepositorySpec => {
  const localPath = localPathOf(options.at);
  return {
    engine: options.engine,
    ...commonSpec(options),
    ...(localPath === undefined ? {} : { localPath }),
    accepts: new Set(["paths"]),
    onOtherHosts: false,
    readsOtherHosts: false,
    browsable: false,
    provesItself: true,
    lacks: [],
    needs: toolsFor(options),
    open: (access) => openRestic(options, access),
  };
});

const transports = {
  ssh: { tool: "ssh", versionArguments: ["-V"], package: "openssh-client" },
  rclone: { tool: "rclone", versionArguments: ["version"], package: "rclone" },
} as const satisfies Record<string, ToolRequirement>;

function toolsFor(options: Options): readonly ToolRequirement[] {
  const transport = transportOf(options.at);
  return [
    {
      tool: options.program,
      versionArguments: ["version"],
      minimum: minimumVersion(options),
      package: "restic",
    },
    ...(transport === undefined ? [] : [transports[transport]]),
  ];
}
