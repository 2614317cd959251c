// Knows: what can happen to the requests of an S3 client on their way. Must not know: what they are for.
import { once } from "node:events";
import {
  Agent,
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Transform, type TransformCallback } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** What is asked of a store: whole objects or parts of them, sweeps, and what changes it. */
export type S3Verb = "list" | "get" | "head" | "put" | "post" | "delete" | "other";

/** One request, as it passed. */
export interface S3Passing {
  readonly verb: S3Verb;
  /** Path and query. */
  readonly path: string;
  /** How many came before it. */
  readonly index: number;
}

/**
 * What happens to a request instead of its answer, or to the answer: `cut` breaks the line after so many bytes of
 * the body, `stall` sends no more from there on, `shorten` claims that there is no more.
 */
export type S3Fault =
  | { readonly kind: "status"; readonly status: number; readonly code: string }
  | { readonly kind: "cut" | "stall" | "shorten"; readonly after: number };

export interface S3ProxyOptions {
  /** The real store, such as `http://127.0.0.1:7480`. */
  readonly target: string;
  /** Waited before each answer. Default: 0. */
  readonly latencyMs?: number;
  /** What happens to a request. Nothing: it passes. */
  readonly fault?: (passing: S3Passing) => S3Fault | undefined;
}

/** A real proxy on loopback that writes down what passes, and can be told what shall happen to it. */
export interface S3Proxy extends AsyncDisposable {
  /** What a client is told instead of the address of the store. Its signatures stay good. */
  readonly address: string;
  readonly passed: readonly S3Passing[];
  /** How many of these passed since it was last asked to forget. */
  count(verb: S3Verb): number;
  forget(): void;
  /** What happens from now on. */
  setFault(fault: S3ProxyOptions["fault"]): void;
}

/** Starts a proxy on a free port; disposing of it ends every connection. */
export async function startS3Proxy(options: S3ProxyOptions): Promise<S3Proxy> {
  const passed: S3Passing[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let fault = options.fault;
  const server = createServer({ noDelay: true }, (request, response) => {
    const passing = { ...passingOf(request), index: passed.length };
    passed.push(passing);
    const work = { request, response, agent, options, fault: fault?.(passing) };
    answer(work).catch(() => response.destroy());
  });
  const port = await listen(server);
  return {
    address: `http://127.0.0.1:${port}`,
    passed,
    count: (verb) => passed.filter((passing) => passing.verb === verb).length,
    forget: () => passed.splice(0),
    setFault: (next) => (fault = next),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      agent.destroy();
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

function passingOf({ method = "", url = "" }: IncomingMessage): Omit<S3Passing, "index"> {
  const verbs: Readonly<Record<string, S3Verb>> = {
    GET: "get",
    HEAD: "head",
    PUT: "put",
    POST: "post",
    DELETE: "delete",
  };
  const isList = method === "GET" && /[?&]list-type=2/.test(url);
  return { verb: isList ? "list" : (verbs[method] ?? "other"), path: url };
}

interface Work {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly agent: Agent;
  readonly options: S3ProxyOptions;
  readonly fault: S3Fault | undefined;
}

async function answer({ request, response, agent, options, fault }: Work): Promise<void> {
  const { target, latencyMs = 0 } = options;
  if (latencyMs > 0) await sleep(latencyMs);
  if (fault?.kind === "status") {
    request.resume();
    response.writeHead(fault.status, { "content-type": "application/xml" });
    response.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code></Error>`);
    return;
  }
  const incoming = await passOn(request, { target, agent });
  response.on("close", () => incoming.destroy());
  response.writeHead(incoming.statusCode ?? 502, {
    ...incoming.headers,
    ...(fault?.kind === "shorten" && { "content-length": shortened(incoming, fault.after) }),
  });
  if (fault === undefined) incoming.pipe(response);
  else incoming.pipe(new Faulty(fault, response)).pipe(response);
}

function shortened({ headers }: IncomingMessage, after: number): string {
  return String(Math.min(Number(headers["content-length"] ?? 0), after));
}

async function passOn(
  request: IncomingMessage,
  { target, agent }: { readonly target: string; readonly agent: Agent },
): Promise<IncomingMessage> {
  const { method = "GET", headers, url = "/" } = request;
  const { hostname, port } = new URL(target);
  // As it came: the path of a URL would be tidied, and a key can hold `..`.
  const onward = forward({ hostname, port, path: url, agent, headers, method });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  onward.once("response", resolve);
  onward.on("error", reject);
  request.pipe(onward);
  request.on("close", () => {
    if (!request.complete) onward.destroy();
  });
  return await promise;
}

/** Lets so many bytes pass, and then does what is planned. */
class Faulty extends Transform {
  readonly #fault: Exclude<S3Fault, { kind: "status" }>;
  readonly #response: ServerResponse;
  #left: number;

  constructor(fault: Exclude<S3Fault, { kind: "status" }>, response: ServerResponse) {
    super();
    this.#fault = fault;
    this.#response = response;
    this.#left = fault.after;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const passing = chunk.subarray(0, this.#left);
    this.#left -= passing.length;
    if (passing.length > 0) this.push(passing);
    if (passing.length === chunk.length || this.#fault.kind === "shorten") done();
    else if (this.#fault.kind === "cut") this.#breakLine();
    // Without `done` nothing more comes, and nothing ends.
  }

  override _flush(done: TransformCallback): void {
    if (this.#fault.kind === "shorten" || this.#left > 0) done();
    else if (this.#fault.kind === "cut") this.#breakLine();
  }

  #breakLine(): void {
    // What was passed on is on its way before the line breaks.
    setImmediate(() => this.#response.destroy());
  }
}
