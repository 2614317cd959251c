// Knows: what can happen to a connection on its way. Must not know: what it carries.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What happens once so many bytes have come from the server since it was planned. */
export interface LineFault {
  readonly kind: "cut" | "stall";
  readonly after: number;
}

/** A proxy on loopback that passes bytes on, until it does not. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Bytes that have come from the server. */
  readonly bytes: number;
  /** How many of the planned faults have happened. */
  readonly happened: number;
  /** Plans the next one. One is planned at a time: it happens to the connection that carries that byte. */
  plan(fault: LineFault): void;
}

/** Starts a proxy to a port of loopback; disposing of it ends every connection. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const state: { bytes: number; happened: number; planned?: LineFault & { readonly at: number } } =
    {
      bytes: 0,
      happened: 0,
    };
  const server = createServer({ noDelay: true, allowHalfOpen: false }, (client) => {
    const onward = connect({ port: target, host: "127.0.0.1", noDelay: true });
    let isStalled = false;
    for (const socket of [client, onward]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        onward.destroy();
      });
    }
    client.pipe(onward);
    onward.on("data", (chunk: Buffer) => {
      if (isStalled) return;
      const { planned } = state;
      const due = planned !== undefined && state.bytes + chunk.length >= planned.at;
      const passing = due ? chunk.subarray(0, Math.max(0, planned.at - state.bytes)) : chunk;
      state.bytes += passing.length;
      if (!client.write(passing)) {
        onward.pause();
        client.once("drain", () => onward.resume());
      }
      if (!due) return;
      state.happened += 1;
      delete state.planned;
      if (planned.kind === "stall") isStalled = true;
      else client.destroySoon();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has such an address.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get bytes() {
      return state.bytes;
    },
    get happened() {
      return state.happened;
    },
    plan: (fault) => (state.planned = { ...fault, at: state.bytes + fault.after }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
