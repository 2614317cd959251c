// Knows: the command `daemon`.
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
  using opened = new DisposableStack();
  using told = tellingDaemon(output, { journald: isJournal(environment.env) });
  const load = async (previous?: Program): Promise<Program> => {
    if (previous === undefined) return opened.use(await session.open({ readOnly: false }));
    return { ...previous, config: await session.loadConfig() };
  };
  const { say, listener } = told;
  await environment.runDaemon({ load, signal, runNow, say, listener });
  return 0;
}
