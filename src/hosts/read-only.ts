// Knows: which commands change nothing. Must not know: why nothing may change.
import type { Command, Host } from "./host.ts";
import type { Hosts } from "./hosts.ts";
import { showCommand } from "./show-command.ts";

/**
 * The same host, on which nothing can be changed: for observing, planning and dry runs. A command
 * marked "writes" and a scratch directory are refused with a plain `Error` before anything starts,
 * because asking for one is a bug.
 */
export function readOnlyHost(host: Host): Host {
  return {
    name: host.name,
    ...(host.remote === undefined ? {} : { remote: host.remote }),
    async reach(signal) {
      await host.reach(signal);
    },
    async run(command, signal, watch) {
      refuseWrites([command]);
      return await host.run(command, signal, watch);
    },
    async pipe(commands, signal, watch) {
      refuseWrites(commands);
      return await host.pipe(commands, signal, watch);
    },
    async inspect(paths, signal) {
      return await host.inspect(paths, signal);
    },
    async scratch() {
      throw new Error(`a scratch directory on ${host.name} was asked for while only reading`);
    },
  };
}

/** The same hosts, each read-only. They are closed by whoever opened them, not with this. */
export function readOnlyHosts(hosts: Hosts): Hosts {
  return {
    here: readOnlyHost(hosts.here),
    get: (name) => readOnlyHost(hosts.get(name)),
    examine: async (name, signal) => await hosts.examine(name, signal),
    async [Symbol.asyncDispose]() {
      // Not taken here.
    },
  };
}

function refuseWrites(commands: readonly Command[]): void {
  const writer = commands.find(({ effect }) => effect === "writes");
  if (writer === undefined) return;
  throw new Error(`a command that writes was to be run while only reading: ${showCommand(writer)}`);
}
