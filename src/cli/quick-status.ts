// Knows: how `status` answers without loading the schemas and the command tree. Must not know: what it answers (tell-status).
import { recallConfig } from "../config/outline-cache.ts";
import type { Config } from "../config/config.ts";
import type { Host } from "../hosts/host.ts";
import type { Hosts } from "../hosts/hosts.ts";
import type { Program } from "../jobs/program.ts";
import { openJournal } from "../journal/open.ts";
import { exitStatusOf } from "../kernel/errors.ts";
import type { Invocation } from "./invoke.ts";
import { Output, type OutputOptions } from "./render.ts";
import { tellStatus } from "./tell-status.ts";
import { tellWarnings } from "./tell-warnings.ts";
import { version } from "./version.ts";

/** What a command line asks of `status`. */
export interface StatusWish {
  readonly jobs: readonly string[];
  readonly options: OutputOptions;
  readonly configFile?: string;
}

/**
 * Answers `status` from the outline of the configuration that an earlier `status` has kept, within
 * a fraction of the time that loading the configuration takes. Answers with the exit status, or with
 * undefined when the ordinary way must be gone: no outline that still holds, or a command line that
 * is not as plain as most.
 */
export async function quickStatus(
  invocation: Omit<Invocation, "signals">,
): Promise<number | undefined> {
  const wish = plainStatus(invocation.words);
  if (wish === undefined) return undefined;
  const { env, home } = invocation.environment;
  const file = wish.configFile === undefined ? {} : { file: wish.configFile };
  const config = recallConfig({ ...file, env, home, version });
  if (config === undefined || !wish.jobs.every((name) => config.jobs.has(name))) return undefined;

  const { stdout, stderr } = invocation;
  const output = new Output({ stdout, stderr, env }, wish.options);
  try {
    return await output.exitStatus(await answer(config, { wish, output, env }));
  } catch (error) {
    // Explained here: the bundle has this file apart, where errors are of other classes than elsewhere.
    output.error(error);
    return exitStatusOf(error);
  }
}

async function answer(
  config: Config,
  asked: { readonly wish: StatusWish; readonly output: Output; readonly env: NodeJS.ProcessEnv },
): Promise<number> {
  const { wish, output, env } = asked;
  tellWarnings(output, config);
  using journal = openJournal(config.state, { readOnly: true });
  const program: Program = {
    config,
    journal,
    hosts: justHere(config.volumes.size === 0 ? nowhere : await thisMachine(env)),
    secret: async () => await unneeded(),
    now: () => new Date(),
  };
  const names = wish.jobs.length === 0 ? [...config.jobs.keys()] : [...new Set(wish.jobs)];
  return await tellStatus(program, names, { output, signal: new AbortController().signal });
}

async function thisMachine(env: NodeJS.ProcessEnv): Promise<Host> {
  const { localHost } = await import("../hosts/local.ts");
  return localHost({ env });
}

/** An outline is kept of configurations without other machines only. */
function justHere(here: Host): Hosts {
  return { here, get: () => here, examine: unneeded, [Symbol.asyncDispose]: async () => {} };
}

/** Without volumes there is nothing to look at, and loading what starts processes takes its time. */
const nowhere: Host = {
  name: "nowhere",
  reach: unneeded,
  run: unneeded,
  pipe: unneeded,
  inspect: unneeded,
  scratch: unneeded,
};

async function unneeded(): Promise<never> {
  return await Promise.reject(new Error("status without volumes was meant to need no host"));
}

const flags: ReadonlyMap<string, Partial<OutputOptions>> = new Map([
  ["--json", { json: true }],
  ["--quiet", { quiet: true }],
  ["-q", { quiet: true }],
  ["--verbose", { verbose: true }],
  ["-v", { verbose: true }],
  ["--no-color", { color: false }],
]);

/** Reads a command line that is `status` with its usual options; undefined for any other. */
export function plainStatus(words: readonly string[]): StatusWish | undefined {
  let options: OutputOptions = { json: false, quiet: false, verbose: false, color: true };
  let configFile: string | undefined;
  const operands: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    const flag = flags.get(word);
    if (flag !== undefined) options = { ...options, ...flag };
    else if (word === "--config" || word === "-c") {
      index += 1;
      configFile = words[index];
      if (configFile === undefined) return undefined;
    } else if (word.startsWith("-")) return undefined;
    else operands.push(word);
  }
  const [command, ...jobs] = operands;
  if (command !== "status") return undefined;
  return { jobs, options, ...(configFile === undefined ? {} : { configFile }) };
}
