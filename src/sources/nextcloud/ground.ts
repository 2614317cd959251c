// Knows: where everything of one Nextcloud is on its machine, and that nothing of it is in the way of the rest. Must not know: what is done there.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { SourceAccess } from "../source.ts";
import { realPathsCommand } from "./commands.ts";
import { defaultStaging, takenNames } from "./layout.ts";
import type { Ground } from "./look.ts";
import { type Options, overlaps, stagingOverlaps } from "./options.ts";

/** Where a Nextcloud's files are, and where they are put together. */
export function groundOf(options: Options, { host, location }: SourceAccess): Ground {
  const data = posix.normalize(location).replace(/(?<=.)\/$/, "");
  return { host, data, staging: options.staging ?? defaultStaging(data) };
}

/** Throws `target-invalid` when emptying the staging folder could remove what is backed up. */
export async function refuseOverlap(
  { host, data, staging }: Ground,
  others: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const asked = [staging, data, ...others];
  const [folder = "", ...rest] = await realPaths(host, asked, signal);
  const index = rest.findIndex((path) => overlaps(path, folder));
  if (index !== -1) throw refused(`staging folder ${staging}: ${stagingOverlaps}`);
  const name = posix.basename(data);
  if (takenNames.has(name)) throw refused(`a data directory called ${name} cannot be staged`);
}

async function realPaths(
  host: Host,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { stdout } = await host.run(realPathsCommand(paths), signal);
  return stdout.split("\0").slice(0, -1);
}

function refused(message: string): HoldfastError {
  return new HoldfastError("target-invalid", message, {
    hint: "name a folder under `staging` that does not exist yet, beside the data directory",
  });
}
