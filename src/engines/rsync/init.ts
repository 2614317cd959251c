// Knows: whether there is a repository, and how an empty one is made. Must not know: what it is for.
import { HoldfastError } from "../../kernel/errors.ts";
import { initCommands } from "./commands.ts";
import { isComplete, type Mirror } from "./mirror.ts";

/** Whether there is a repository, ours or one of nbkp. */
export async function isThere(mirror: Mirror, signal: AbortSignal): Promise<boolean> {
  if (mirror.places.layout !== "none") {
    const standing = await mirror.look(signal);
    return standing !== undefined && isComplete(standing, mirror.places);
  }
  try {
    await mirror.mirrorRecord(signal);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "repository-missing") return false;
    throw error;
  }
}

/**
 * Makes an empty repository, or what one lacks. Throws `repository-exists`, and `target-invalid` where
 * files of somebody else would be deleted by the first backup.
 */
export async function initialise(mirror: Mirror, signal: AbortSignal): Promise<void> {
  const { places, subject } = mirror;
  if (await isThere(mirror, signal)) {
    throw new HoldfastError(
      "repository-exists",
      `repository "${subject.name}" exists already at ${subject.location}`,
    );
  }
  const standing = await mirror.look(signal);
  const first = standing?.foreign[0];
  if (places.layout === "none" && first !== undefined) {
    throw new HoldfastError(
      "target-invalid",
      `${places.root} holds files, such as ${first}, and a mirror deletes what its source does not have`,
      {
        hint: `name another folder; if it is a mirror of the same source, say so with: touch ${places.mirrorRecord}`,
      },
    );
  }
  const hasStaging = standing?.staging !== undefined;
  const commands = initCommands(places).filter(
    // What is there already is not made again.
    ({ argv }) => !(hasStaging && argv[0] === "btrfs") && !keepsLatest(standing?.latest.kind, argv),
  );
  await mirror.runAll(commands, signal);
}

function keepsLatest(kind: string | undefined, argv: readonly string[]): boolean {
  if (kind === undefined || kind === "missing") return false;
  return argv[0] === "ln" || argv[0] === "mv";
}
