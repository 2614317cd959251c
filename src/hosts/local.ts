// Knows: how commands run on this machine. Must not know: what they are for.
import type {
  Command,
  CommandResult,
  Host,
  PathState,
  PipeResult,
  Scratch,
  Watch,
} from "./host.ts";
import { interruption } from "./interruption.ts";
import { LaunchPad } from "./launch.ts";
import { inspectPaths } from "./path-state.ts";
import { runPipeline } from "./pipeline.ts";
import { makeScratch } from "./scratch.ts";

/** How commands run here. */
export interface LocalHostOptions {
  /** What every command's environment starts from. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** What this machine is called. Default: "local". */
  readonly name?: string;
  /** From SIGTERM to SIGKILL, in milliseconds. Default: 10,000. */
  readonly graceMs?: number;
  /** So many bytes of a command's standard output are kept. Default: 64 MiB. */
  readonly outputLimit?: number;
}

/**
 * The machine that Holdfast itself runs on. Use it from the main thread: on Linux the commands of a
 * worker thread would end with that thread (see `parent-death.ts`).
 */
export function localHost(options: LocalHostOptions = {}): Host {
  const env = options.env ?? process.env;
  const pad = new LaunchPad(env);
  const settings = {
    pad,
    graceMs: options.graceMs ?? 10_000,
    stdoutLimit: options.outputLimit ?? 64 * 1024 * 1024,
  };
  const pipe = async (
    commands: readonly Command[],
    signal: AbortSignal,
    watch: Watch = {},
  ): Promise<PipeResult> => await runPipeline(commands, { ...settings, signal, watch });

  return {
    name: options.name ?? "local",
    pipe,
    async reach(signal) {
      if (signal.aborted) throw interruption(signal, "starting");
    },
    async run(command, signal, watch): Promise<CommandResult> {
      const { stages } = await pipe([command], signal, watch);
      const [result] = stages;
      if (result === undefined) throw new Error("a pipeline of one command had no result");
      return result;
    },
    async inspect(paths, signal): Promise<readonly PathState[]> {
      if (signal.aborted) throw interruption(signal, "looking at paths");
      return await inspectPaths(paths);
    },
    async scratch(): Promise<Scratch> {
      return await makeScratch(env);
    },
  };
}
