// Knows: what one command is given to work with. Must not know: which commands there are.
import type { Config } from "../config/config.ts";
import type { Listener } from "../jobs/event.ts";
import type { Program } from "../jobs/program.ts";
import type { LocationOptions } from "./command-node.ts";
import type { Output } from "./render.ts";
import type { OpenProgram } from "./program.ts";
import { tellWarnings } from "./tell-warnings.ts";
import { version } from "./version.ts";

/** What the world outside hands to the command line. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** The daemon is a room of its own beside this one; main hands it over. */
  readonly runDaemon: (wish: DaemonWish) => Promise<void>;
  /**
   * Asks the person at the terminal; undefined when they end the input without an answer. Absent: there is
   * nobody to ask.
   */
  readonly askPerson?: (question: string, signal: AbortSignal) => Promise<string | undefined>;
}

/** What the command line asks of the daemon. */
export interface DaemonWish {
  readonly load: (previous?: Program) => Promise<Program>;
  readonly signal: AbortSignal;
  readonly runNow: boolean;
  readonly say: (loudness: "info" | "warning" | "error", message: string) => void;
  readonly listener: Listener;
}

/** One call of one command. */
export interface Session {
  readonly output: Output;
  /** Aborts when the person or the system wants the program to end. */
  readonly signal: AbortSignal;
  readonly environment: Environment;
  /** Loads the configuration alone, and tells its warnings. */
  readonly loadConfig: () => Promise<Config>;
  /** Loads configuration and journal. */
  readonly open: (options: OpenOptions) => Promise<OpenProgram>;
}

/** For what a program is opened. */
export interface OpenOptions {
  /**
   * A command that only looks creates and changes nothing, the journal included. `attaching`: nothing
   * but that volumes are attached and put back, where some can be.
   */
  readonly readOnly: boolean | "attaching";
  /** Keep an outline of the configuration, so that the next `status` need not load it. */
  readonly keepOutline?: boolean;
}

/** A command: does its work and answers with the exit status. */
export type Action = (session: Session) => Promise<number>;

/** Runs an action in a session of its own. What commander calls when a command was recognised. */
export type Act = (action: Action) => Promise<void>;

/** Facts that a session is made of. */
export interface SessionFacts {
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly environment: Environment;
  /** `--config`, as given. */
  readonly configFile?: string;
  /** `--location` and `--exclude-location`, as given. */
  readonly locations?: LocationOptions;
}

/** Makes the session of one command. Nothing is loaded until it asks for it. */
export function newSession(facts: SessionFacts): Session {
  const { output, environment, configFile, locations = {} } = facts;
  const { env, home } = environment;
  const request = { ...(configFile === undefined ? {} : { file: configFile }), env, home };
  const load = async (): Promise<Config> => {
    const { loadConfig } = await import("../config/load.ts");
    return await loadConfig(request);
  };
  const loadConfig = async ({ keepOutline = false } = {}): Promise<Config> => {
    const { loadAndKeep } = await import("../config/outline-cache.ts");
    const config = keepOutline ? await loadAndKeep({ ...request, version }, load) : await load();
    tellWarnings(output, config);
    return config;
  };
  return {
    ...facts,
    loadConfig,
    async open({ readOnly, keepOutline = false }): Promise<OpenProgram> {
      const config = await loadConfig({ keepOutline });
      const { openProgram } = await import("./program.ts");
      const { chosenAddresses } = await import("./names.ts");
      const choice = chosenAddresses(config, locations);
      const looks = readOnly === "attaching" ? !canAttach(config) : readOnly;
      return openProgram(config, { env, readOnly: looks, choice });
    },
  };
}

/** Whether one of the volumes is a drive, which may have to be attached: that is written down first. */
function canAttach({ volumes }: Config): boolean {
  return volumes.values().some(({ device }) => device !== undefined);
}
