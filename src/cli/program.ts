// Knows: how configuration, journal and host come together for one command. Must not know: which command.
import type { Config } from "../config/config.ts";
import { secretResolver } from "../config/secrets.ts";
import { localHost } from "../hosts/local.ts";
import type { Program } from "../jobs/program.ts";
import { openJournal } from "../journal/open.ts";

/** A program that holds its journal open until it is disposed of. */
export interface OpenProgram extends Program, Disposable {}

/**
 * Opens all that a configuration names. Read only, nothing is created or changed, the journal
 * included. Throws `journal-unusable`.
 */
export function openProgram(
  config: Config,
  { env, readOnly }: { readonly env: NodeJS.ProcessEnv; readonly readOnly: boolean },
): OpenProgram {
  const host = localHost({ env: withoutVariables(env, config.secretVariables) });
  const journal = openJournal(config.state, { readOnly });
  return {
    config,
    journal,
    host,
    secret: secretResolver(host, env),
    now: () => new Date(),
    [Symbol.dispose]: () => journal[Symbol.dispose](),
  };
}

/** What hooks, notifiers and tools inherit. Those that need a secret are handed it by itself. */
function withoutVariables(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}
