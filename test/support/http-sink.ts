// Knows: how an HTTP server can behave. Must not know: what it is sent.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request, as it arrived. */
export interface SinkRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/**
 * How a request is answered: with a status, never (`hang`), one byte at a time without an end
 * (`drip`), without an end as fast as it goes (`flood`), or not at all because the line is cut.
 */
export type SinkAnswer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | "hang"
  | "drip"
  | "flood"
  | "cut";

/** A real HTTP server on loopback that writes down all that it is sent. */
export interface HttpSink extends AsyncDisposable {
  readonly origin: string;
  /** Without `http://`. */
  readonly address: string;
  readonly requests: readonly SinkRequest[];
  /** How further requests are answered, in order. After the last: 200, "OK". */
  answer(...answers: readonly SinkAnswer[]): void;
}

/** Starts a sink on a free port; disposing of it ends every connection. */
export async function openHttpSink(): Promise<HttpSink> {
  const requests: SinkRequest[] = [];
  const answers: SinkAnswer[] = [];
  const server = createServer((request, response) => {
    void receive(request).then((received) => {
      requests.push(received);
      respond(response, answers.shift() ?? { status: 200, body: "OK" });
    });
  });
  const port = await listen(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    address: `127.0.0.1:${port}`,
    requests,
    answer: (...further) => answers.push(...further),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has such an address.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (server.address() as AddressInfo).port;
}

async function receive(request: IncomingMessage): Promise<SinkRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

function respond(response: ServerResponse, answer: SinkAnswer): void {
  if (answer === "hang") return;
  if (answer === "cut") {
    response.socket?.destroy();
    return;
  }
  if (answer === "drip") {
    response.writeHead(200);
    const timer = setInterval(() => response.write("."), 20);
    response.on("close", () => clearInterval(timer));
    return;
  }
  if (answer === "flood") {
    flood(response);
    return;
  }
  response.writeHead(answer.status, answer.headers ?? {});
  response.end(answer.body ?? "");
}

function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.writeHead(200);
  response.on("drain", pour);
  pour();
}
