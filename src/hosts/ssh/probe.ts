// Knows: whether an ssh server answers at an address. Must not know: whether it would let anyone in.
import { connect } from "node:net";

/** A place that a TCP connection can be made to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Why nothing answered, in the words of ssh. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/**
 * Waits until a server there says that it speaks ssh. Much cheaper than a connection of ssh: of several
 * addresses only the one that is used ever gets one of those. Rejects with `NoAnswer`.
 */
export async function answers(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const { host, port } = endpoint;
  const socket = connect({ host, port });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void => reject(new NoAnswer(why));
  const abort = (): void => fail(`connect to host ${host} port ${port}: Connection timed out`);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  let said = "";
  socket.on("data", (chunk: Buffer) => {
    // RFC 4253, 4.2: lines may come before it.
    said = (said + chunk.toString("latin1")).slice(-10_000);
    if (/^SSH-/m.test(said)) resolve();
  });
  socket.once("error", (error: NodeJS.ErrnoException) => fail(inWords(error, endpoint)));
  socket.once("close", () => fail(`Connection closed by ${host} port ${port}`));
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

function inWords({ code = "", message }: NodeJS.ErrnoException, { host, port }: Endpoint): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return `Could not resolve hostname ${host}: ${code === "ENOTFOUND" ? "Name or service not known" : "Temporary failure in name resolution"}`;
  }
  return `connect to host ${host} port ${port}: ${errors[code] ?? message}`;
}

const errors: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ETIMEDOUT: "Connection timed out",
};

/** Of what `ssh -G` prints, where the first connection would go; undefined when a program makes it. */
export function endpointOf(printed: string): Endpoint | undefined {
  const values = new Map(
    printed.split("\n").map((line) => {
      const [key = "", ...rest] = line.split(" ");
      return [key, rest.join(" ")] as const;
    }),
  );
  const isSet = (key: string): boolean => !["", "none"].includes(values.get(key) ?? "");
  if (isSet("proxycommand") || isSet("proxyjump")) return undefined;
  const host = values.get("hostname");
  return host === undefined ? undefined : { host, port: Number(values.get("port") ?? 22) };
}
