// Knows: how an object is stored without replacing another. Must not know: what is in it.
import type { Readable } from "node:stream";
import type { Client } from "./client.ts";
import { isMissing, isNotImplemented, isTaken, unusable } from "./failures.ts";
import type { NewObject } from "./store.ts";

// Held in memory, so that a request can be made again. AWS takes 10,000 parts of 5 MiB or more.
const smallestPart = 16 * 1024 * 1024;
const mostParts = 9000;

/** Stores an object, unless something has its key: `false` then. */
export async function putObject(
  client: Client,
  object: NewObject,
  signal: AbortSignal,
): Promise<boolean> {
  // Some stores do not know of the condition that is sent along, and would replace what is there.
  if ((await sizeOf(client, object.key, signal)) !== undefined) return false;
  const partSize = Math.max(smallestPart, Math.ceil(object.size / mostParts));
  return object.size <= partSize
    ? await putWhole(client, object, signal)
    : await putInParts(client, { object, partSize }, signal);
}

async function sizeOf(
  client: Client,
  key: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  return await client.ask({ signal }, async (sdk, s3, abortSignal) => {
    try {
      const head = new sdk.HeadObjectCommand({ Bucket: client.bucket, Key: key });
      return (await s3.send(head, { abortSignal })).ContentLength ?? 0;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
}

async function putWhole(client: Client, object: NewObject, signal: AbortSignal): Promise<boolean> {
  const body = await wholeOf(object);
  return await client.ask({ key: object.key, signal }, async (sdk, s3, abortSignal) => {
    const input = { Bucket: client.bucket, Key: object.key, Body: body };
    return await withCondition(async (condition) => {
      await s3.send(new sdk.PutObjectCommand({ ...input, ...condition }), { abortSignal });
    });
  });
}

/** Does it on the condition that nothing is there, where the store knows conditions. */
async function withCondition(
  send: (condition: { readonly IfNoneMatch?: string }) => Promise<void>,
): Promise<boolean> {
  try {
    await send({ IfNoneMatch: "*" });
  } catch (error) {
    if (isTaken(error)) return false;
    if (!isNotImplemented(error)) throw error;
    await send({});
  }
  return true;
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

type Part = { readonly PartNumber: number; readonly ETag: string | undefined };

async function putInParts(
  client: Client,
  { object, partSize }: { readonly object: NewObject; readonly partSize: number },
  signal: AbortSignal,
): Promise<boolean> {
  const upload = await beginUpload(client, object.key, signal);
  let isStored = false;
  try {
    const parts = await sendParts(client, { object, partSize, upload }, signal);
    isStored = await completeUpload(client, { object, parts, upload }, signal);
  } finally {
    if (!isStored) await abandon(client, upload);
  }
  return isStored;
}

async function beginUpload(client: Client, Key: string, signal: AbortSignal): Promise<Upload> {
  const target = { Bucket: client.bucket, Key };
  const { UploadId } = await client.ask(
    { signal },
    async (sdk, s3, abortSignal) =>
      await s3.send(new sdk.CreateMultipartUploadCommand(target), { abortSignal }),
  );
  if (UploadId === undefined) throw unusable(client.bucket, "it began no upload in parts");
  return { ...target, UploadId };
}

async function sendParts(
  client: Client,
  work: { readonly object: NewObject; readonly partSize: number; readonly upload: Upload },
  signal: AbortSignal,
): Promise<readonly Part[]> {
  const { object, partSize, upload } = work;
  const parts: Part[] = [];
  let sent = 0;
  for await (const body of partsOf(object.content(), partSize)) {
    sent += body.length;
    const PartNumber = parts.length + 1;
    const { ETag } = await client.ask({ signal }, async (sdk, s3, abortSignal) => {
      const part = new sdk.UploadPartCommand({ ...upload, PartNumber, Body: body });
      return await s3.send(part, { abortSignal });
    });
    parts.push({ PartNumber, ETag });
  }
  if (sent !== object.size) throw wrongLength(object.key, sent, object.size);
  return parts;
}

async function completeUpload(
  client: Client,
  work: { readonly object: NewObject; readonly parts: readonly Part[]; readonly upload: Upload },
  signal: AbortSignal,
): Promise<boolean> {
  const { object, parts, upload } = work;
  const whole = { ...upload, MultipartUpload: { Parts: [...parts] } };
  return await client.ask(
    { signal },
    async (sdk, s3, abortSignal) =>
      await withCondition(async (condition) => {
        try {
          const complete = new sdk.CompleteMultipartUploadCommand({ ...whole, ...condition });
          await s3.send(complete, { abortSignal });
        } catch (error) {
          // An answer that was lost: the first request has completed it.
          if (!isMissing(error) || (await sizeOf(client, object.key, signal)) !== object.size) {
            throw error;
          }
        }
      }),
  );
}

async function abandon(client: Client, upload: Upload): Promise<void> {
  try {
    await client.ask({ signal: new AbortController().signal }, async (sdk, s3, abortSignal) => {
      await s3.send(new sdk.AbortMultipartUploadCommand(upload), { abortSignal });
    });
  } catch {
    // What led here is what is told. Stores drop unfinished uploads by rules of their own.
  }
}

/** Cuts a stream into buffers of one size; the last one may be shorter. */
async function* partsOf(content: Readable, size: number): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let held = 0;
  for await (const piece of content) {
    for (let rest = Buffer.from(piece); rest.length > 0;) {
      const taken = rest.subarray(0, size - held);
      rest = rest.subarray(taken.length);
      pending.push(taken);
      held += taken.length;
      if (held < size) continue;
      yield Buffer.concat(pending);
      [pending, held] = [[], 0];
    }
  }
  if (held > 0) yield Buffer.concat(pending);
}

async function wholeOf({ key, size, content }: NewObject): Promise<Buffer> {
  let body = Buffer.alloc(0);
  for await (const part of partsOf(content(), size + 1)) body = Buffer.concat([body, part]);
  if (body.length !== size) throw wrongLength(key, body.length, size);
  return body;
}

function wrongLength(key: string, found: number, expected: number): Error {
  return new Error(`${key}: ${found} bytes were to be stored, and ${expected} were announced`);
}
