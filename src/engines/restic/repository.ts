// Knows: how restic's commands make up the verbs of a repository. Must not know: jobs, schedules.
import type { Repository, RepositoryAccess } from "../engine.ts";
import type { Options } from "./options.ts";

/** Opens a restic repository. Nothing is run before its first verb. */
export function openRestic(_options: Options, _access: RepositoryAccess): Repository {
  throw new Error("not built yet");
}
