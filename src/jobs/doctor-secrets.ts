// Knows: whether the secrets that jobs need can be fetched. Must not know: where from.
import { readFile } from "node:fs/promises";
import type { Job } from "../config/config.ts";
import { secretUsesIn, type SecretUse } from "../config/secret-files.ts";
import type { Finding } from "../kernel/finding.ts";
import { looked, ok } from "./doctor-finding.ts";
import { repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";

/** What the examined jobs use: only their secrets are asked for. */
export interface SecretUsers {
  readonly jobs: readonly Job[];
  readonly volumes: readonly string[];
}

/**
 * Fetches each secret that these jobs, their volumes, repositories and notifiers need. Reads the
 * configuration's file again. A secret that stands in it as plain text is there.
 */
export async function examineSecrets(
  program: Program,
  users: SecretUsers,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const used: Readonly<Record<string, ReadonlySet<string>>> = {
    repositories: new Set(users.jobs.flatMap(repositoriesOf)),
    notifiers: new Set(users.jobs.flatMap(({ notify }) => notify)),
    volumes: new Set(users.volumes),
  };
  const uses = secretUsesIn(await readFile(program.config.file, "utf8")).filter(
    ({ section, name }) => used[section]?.has(name) === true,
  );
  const each = await Promise.all(
    uses.map(async (use) => await examineSecret(program, use, signal)),
  );
  return each.flat();
}

async function examineSecret(
  program: Program,
  { key, reference }: SecretUse,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  return await looked(key, async () => {
    await program.secret(reference, signal);
    return [ok("secret", key, "can be fetched")];
  });
}
