// Knows: how configuration, journal and host come together for one command. Must not know: which command.
import type { Config } from "../config/config.ts";
import { secretResolver } from "../config/secrets.ts";
import { type AddressChoice, anywhere, openHosts } from "../hosts/hosts.ts";
import { localHost } from "../hosts/local.ts";
import type { Program } from "../jobs/program.ts";
import { openJournal } from "../journal/open.ts";

/** A program that holds its journal and its connections open until it is disposed of. */
export interface OpenProgram extends Program, AsyncDisposable {}

export interface OpenProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly readOnly: boolean;
  /** Which addresses of hosts may be used. Default: all. */
  readonly choice?: AddressChoice;
}

/**
 * Opens all that a configuration names. Read only, nothing is created or changed, the journal
 * included. Throws `journal-unusable`.
 */
export function openProgram(
  config: Config,
  { env, readOnly, choice = anywhere }: OpenProgramOptions,
): OpenProgram {
  const here = localHost({ env: withoutVariables(env, config.secretVariables) });
  const hosts = openHosts({ here, specs: config.hosts, choice });
  const journal = openJournal(config.state, { readOnly });
  return {
    config,
    journal,
    hosts,
    secret: secretResolver(here, env),
    now: () => new Date(),
    async [Symbol.asyncDispose]() {
      await hosts[Symbol.asyncDispose]();
      journal[Symbol.dispose]();
    },
  };
}

/** What hooks, notifiers and tools inherit. Those that need a secret are handed it by itself. */
function withoutVariables(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}
