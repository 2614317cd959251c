// Knows: the process it runs in (argv, environment, signals, exit status) and how the rooms are put together. Must not know: anything else.
import { homedir } from "node:os";
import { isatty } from "node:tty";
import { DirectStream, mayBeTerminal } from "./cli/direct-stream.ts";
import { version } from "./cli/version.ts";
import type { Stream } from "./cli/render.ts";
import type { Invocation } from "./cli/invoke.ts";
import type { DaemonWish } from "./cli/session.ts";

/** How long running jobs may go on after the daemon was asked to end. */
const drainMs = 60_000;

const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  // Answered before anything is loaded: scripts ask this often.
  quickStream(1).write(`${version}\n`);
} else {
  void main(words).then((exitStatus) => {
    process.exitCode = exitStatus;
  });
}

/** Standard output or error for a short answer. */
function quickStream(descriptor: 1 | 2): Stream {
  if (!mayBeTerminal(descriptor)) return new DirectStream(descriptor);
  return descriptor === 1 ? process.stdout : process.stderr;
}

async function main(given: readonly string[]): Promise<number> {
  const environment = {
    env: process.env,
    home: homedir(),
    runDaemon: startDaemon,
    ...(isatty(0) ? { askPerson } : {}),
  };
  const invocation: Invocation = {
    words: given,
    environment,
    // Asked for when they are used: making them takes its time.
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    signals: process,
  };
  try {
    if (given.includes("status")) {
      const { quickStatus } = await import("./cli/quick-status.ts");
      const stdout = quickStream(1);
      const exitStatus = await quickStatus({
        words: given,
        environment,
        stdout,
        stderr: quickStream(2),
      });
      if (exitStatus !== undefined) return exitStatus;
    }
    const { invoke } = await import("./cli/invoke.ts");
    return await invoke(invocation);
  } catch (error) {
    const { explainFailure } = await import("./cli/invoke.ts");
    return explainFailure(error, invocation);
  }
}

async function askPerson(question: string, signal: AbortSignal): Promise<string | undefined> {
  const { createInterface } = await import("node:readline");
  // Not the terminal's own way of editing lines: that would keep Ctrl+C from everybody else.
  const input = createInterface({ input: process.stdin, terminal: false });
  process.stderr.write(question);
  const stop = (): void => input.close();
  signal.addEventListener("abort", stop);
  try {
    for await (const line of input) return line;
    return undefined;
  } finally {
    signal.removeEventListener("abort", stop);
    input.close();
    process.stdin.unref();
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
