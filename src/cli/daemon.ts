// Knows: the command `daemon`.
import { anywhere, openHosts } from "../hosts/hosts.ts";
import type { Program } from "../jobs/program.ts";
import type { CommandNode } from "./command-node.ts";
import type { Act, Session } from "./session.ts";

interface DaemonOptions {
  readonly runNow?: boolean;
}

/** Adds `daemon`: runs jobs when they are due. */
export function addDaemon(tree: CommandNode, act: Act): void {
  tree
    .command("daemon")
    .summary("run jobs when they are due, until it is stopped")
    .description(
      "Stays and runs jobs when they are due. Catches up on times missed while the machine slept, tries failed runs again, and reads the configuration again when it changes. After SIGTERM or Ctrl-C it lets running jobs end.",
    )
    .option("--run-now", "start every job once now, whatever its schedule")
    .withExamples(
      ["holdfast daemon", "run jobs when they are due"],
      ["holdfast daemon --json", "the same, telling every event as a line of JSON"],
    )
    .action(async (options: DaemonOptions) =>
      act(async (session) => await runDaemon(session, options.runNow ?? false)),
    );
}

async function runDaemon(session: Session, runNow: boolean): Promise<number> {
  const { isJournal, tellingDaemon } = await import("./daemon-log.ts");
  const { output, signal, environment } = session;
  await using opened = new AsyncDisposableStack();
  using told = tellingDaemon(output, { journald: isJournal(environment.env) });
  const load = async (previous?: Program): Promise<Program> => {
    if (previous === undefined) return opened.use(await session.open({ readOnly: false }));
    const config = await session.loadConfig();
    // The old ones are still used by runs that go on; connections that nobody uses end by themselves.
    const hosts = opened.use(
      openHosts({ here: previous.hosts.here, specs: config.hosts, choice: anywhere }),
    );
    return { ...previous, config, hosts };
  };
  const { say, listener } = told;
  await environment.runDaemon({ load, signal, runNow, say, listener });
  return 0;
}
