// Knows: the process it runs in (argv, environment, signals, exit status) and how the rooms are put together. Must not know: anything else.
import { homedir } from "node:os";
import { version } from "./cli/version.ts";
import type { Invocation } from "./cli/invoke.ts";
import type { DaemonWish } from "./cli/session.ts";

/** How long running jobs may go on after the daemon was asked to end. */
const drainMs = 60_000;

const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  // Answered before anything is loaded: scripts ask this often.
  process.stdout.write(`${version}\n`);
} else {
  void main(words).then((exitStatus) => {
    process.exitCode = exitStatus;
  });
}

async function main(given: readonly string[]): Promise<number> {
  const invocation: Invocation = {
    words: given,
    environment: { env: process.env, home: homedir(), runDaemon: startDaemon },
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
  };
  try {
    if (given.includes("status")) {
      const { quickStatus } = await import("./cli/quick-status.ts");
      const exitStatus = await quickStatus(invocation);
      if (exitStatus !== undefined) return exitStatus;
    }
    const { invoke } = await import("./cli/invoke.ts");
    return await invoke(invocation);
  } catch (error) {
    const { explainFailure } = await import("./cli/invoke.ts");
    return explainFailure(error, invocation);
  }
}

async function startDaemon(wish: DaemonWish): Promise<void> {
  const { runDaemon } = await import("./daemon/daemon.ts");
  const { serviceState, takeServiceEnvironment } = await import("./daemon/systemd.ts");
  const { newWaker } = await import("./daemon/wake.ts");
  const { localHost } = await import("./hosts/local.ts");
  const env = takeServiceEnvironment(process.env);
  const service = serviceState(localHost({ env }), env, (message) => wish.say("warning", message));
  await runDaemon({ ...wish, drainMs, waker: newWaker(), service });
}
