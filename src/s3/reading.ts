// Knows: how an object is read to its end over lines that break. Must not know: who reads it.
import { Readable } from "node:stream";
import type { ObjectRequest } from "../kernel/prepared-source.ts";
import { type Client, interrupted, pause, SilentLine } from "./client.ts";
import { mayPass } from "./failures.ts";
import { type Answer, getObject, getPlainly } from "./getting.ts";

/** Reads an object, or a range of it. What a broken line has brought is not asked for again. */
export async function readObject(
  client: Client,
  request: ObjectRequest,
  signal: AbortSignal,
): Promise<Readable> {
  const first = await ask(client, request, signal);
  const bytes = Readable.from(bytesOf(client, { request, first }, signal), { objectMode: false });
  // Whoever gave it up need not listen: the line is closed then.
  bytes.on("error", () => {});
  return bytes;
}

async function ask(client: Client, request: ObjectRequest, signal: AbortSignal): Promise<Answer> {
  const asked = { ...request, bucket: client.bucket };
  return await client.ask({ key: request.key, signal }, async (sdk, s3, abortSignal) =>
    client.isPlain
      ? await getPlainly(s3, asked, abortSignal)
      : await getObject({ sdk, client: s3 }, asked, abortSignal),
  );
}

/** Bytes until all have come that were announced. Attempts without one further byte are numbered. */
async function* bytesOf(
  client: Client,
  { request, first }: { readonly request: ObjectRequest; readonly first: Answer },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const from = request.range?.[0] ?? 0;
  let received = 0;
  let attempt = 0;
  for (let answer = first; ; answer = await askForRest()) {
    try {
      for await (const chunk of chunksOf(answer.body, client.stallMs, signal)) {
        received += chunk.length;
        attempt = 0;
        yield chunk;
      }
      if (received === first.length) return;
      throw new SilentLine(`${received} of ${first.length} bytes came`);
    } catch (error) {
      answer.body.destroy();
      if (signal.aborted) throw interrupted(signal);
      const wait = client.waitsMs[attempt];
      if (received > first.length || wait === undefined || !mayPass(error)) {
        throw client.failure(error, request.key);
      }
      attempt += 1;
      await pause(wait, signal);
    }
  }

  async function askForRest(): Promise<Answer> {
    // All came, and then the line broke: there is no rest to ask for.
    if (received === first.length) return { ...first, body: Readable.from([]) };
    const range = [from + received, from + first.length - 1] as const;
    const etag = request.etag ?? (first.etag === "" ? undefined : first.etag);
    return await ask(client, { key: request.key, range, ...(etag && { etag }) }, signal);
  }
}

/** The chunks of a stream, none of which takes longer than it may. */
async function* chunksOf(
  body: Readable,
  stallMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const stop = (): void => void body.destroy(interrupted(signal));
  signal.addEventListener("abort", stop, { once: true });
  const chunks: AsyncIterator<unknown> = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const timer = setTimeout(() => {
        body.destroy(new SilentLine(`nothing came for ${stallMs / 1000} s`));
      }, stallMs);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done === true) return;
      if (Buffer.isBuffer(next.value)) yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    body.destroy();
  }
}
