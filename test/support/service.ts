// Knows: how a test starts a server of its own and gets rid of it. Must not know: which server.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A port of this machine that nothing listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a server without a port");
  return address.port;
}

/** A server process of a test. */
export interface Service extends AsyncDisposable {
  readonly child: ChildProcess;
}

/**
 * Starts a server and waits until it listens. Throws what it said when it ends before, or does not
 * listen within half a minute. Disposing of it ends it.
 */
export async function startService(
  [program, ...args]: readonly [string, ...string[]],
  port: number,
  address = "127.0.0.1",
): Promise<Service> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, "exit").then(() => true);
  const service = {
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
    },
  };
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await listens(port, address)) return service;
    if (await Promise.race([ended, sleep(100, false)])) break;
  }
  await service[Symbol.asyncDispose]();
  throw new Error(`${program} did not start: ${said}`);
}

async function listens(port: number, address: string): Promise<boolean> {
  const socket = connect(port, address);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}
