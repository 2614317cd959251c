// Knows: how bytes go from a process of one machine to a process of another. Must not know: what they are.
import type { Command, Host, PipeResult, Watch } from "./host.ts";

/** One stage of a pipe, and the machine that it runs on. */
export interface Stage {
  readonly host: Host;
  readonly command: Command;
}

/** What pipes across machines are given besides their stages. */
export interface Piping {
  /** This machine, through which the bytes go. */
  readonly here: Host;
  readonly signal: AbortSignal;
  readonly watch?: Watch;
}

/**
 * As `Host.pipe`, with stages on several machines. When all are on one, the bytes stay there; otherwise
 * they come through this machine. However it ends, no stage goes on anywhere.
 */
export async function pipeAcross(stages: readonly Stage[], piping: Piping): Promise<PipeResult> {
  const { here, signal, watch = {} } = piping;
  const [first] = stages;
  const commands = stages.map(({ command }) => command);
  if (first !== undefined && stages.every(({ host }) => host === first.host)) {
    return await first.host.pipe(commands, signal, watch);
  }
  await Promise.all(stages.map(async ({ host }) => await host.reach(signal)));
  const local = stages.map(({ host, command }) => host.remote?.through(command) ?? command);
  return await here.pipe(local, signal, watch);
}
