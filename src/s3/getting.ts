// Knows: how an object is asked for in few steps. Must not know: how its bytes are read, and what is done when that fails.
import { addAbortSignal, Readable } from "node:stream";
import type * as aws from "@aws-sdk/client-s3";
import type { ObjectRequest } from "../kernel/prepared-source.ts";
import type { Sdk } from "./client.ts";
import { withoutQuotes } from "./listing.ts";

/** What a store answers, before the bytes come. */
export interface Answer {
  readonly body: Readable;
  readonly length: number;
  readonly etag: string;
}

/** What is asked, and of which bucket. */
export interface Asked extends ObjectRequest {
  readonly bucket: string;
}

/** Asks for an object as AWS's client does, whatever the address is. */
export async function getObject(
  { sdk, client }: { readonly sdk: Sdk; readonly client: aws.S3Client },
  { bucket, key, range, etag }: Asked,
  abortSignal: AbortSignal,
): Promise<Answer> {
  const answer = await client.send(
    new sdk.GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(range !== undefined && { Range: rangeOf(range) }),
      ...(etag !== undefined && { IfMatch: `"${etag}"` }),
    }),
    { abortSignal },
  );
  if (!(answer.Body instanceof Readable)) throw new Error("the client read no stream");
  return {
    body: answer.Body,
    length: answer.ContentLength ?? 0,
    etag: withoutQuotes(answer.ETag ?? ""),
  };
}

/**
 * The same from an address that has the bucket in its path, with the client's own signature and connections, and
 * without what it does for requests of every other kind: that costs four times as much as these two.
 */
export async function getPlainly(
  { config }: aws.S3Client,
  { bucket, key, range, etag }: Asked,
  abortSignal: AbortSignal,
): Promise<Answer> {
  if (config.endpoint === undefined) throw new Error("it has no address of its own");
  const { protocol, hostname, port, path } = await config.endpoint();
  const signer = await config.signer();
  const request = await signer.sign(
    {
      method: "GET",
      protocol,
      hostname,
      ...(port !== undefined && { port }),
      path: [path.replace(/\/$/, ""), ...[bucket, ...key.split("/")].map(escaped)].join("/"),
      headers: {
        host: port === undefined ? hostname : `${hostname}:${port}`,
        ...(range !== undefined && { range: rangeOf(range) }),
        ...(etag !== undefined && { "if-match": `"${etag}"` }),
      },
    },
    { signingDate: new Date(Date.now() + config.systemClockOffset) },
  );
  const { response } = await config.requestHandler.handle(request, { abortSignal });
  const { statusCode, headers, body } = response;
  if (!(body instanceof Readable)) throw new Error("the client read no stream");
  if (statusCode < 200 || statusCode >= 300) throw await refusal(statusCode, body, abortSignal);
  return {
    body,
    length: Number(headers["content-length"] ?? 0),
    etag: withoutQuotes(headers["etag"] ?? ""),
  };
}

function rangeOf([first, last]: readonly [number, number]): string {
  return `bytes=${first}-${last}`;
}

/** As a signature has it: all but letters, digits and `-_.~` (AWS, "Create a signed AWS API request"). */
function escaped(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

// Whatever answers there may be no store, and never come to an end.
const longestRefusal = 64 * 1024;

/** What the client would have thrown: the store's own word and sentence, and the status. */
async function refusal(status: number, body: Readable, signal: AbortSignal): Promise<Error> {
  let said = "";
  for await (const chunk of addAbortSignal(signal, body).setEncoding("utf8")) {
    said += chunk;
    if (said.length > longestRefusal) break;
  }
  const [, name = "UnknownError"] = /<Code>([^<]+)<\/Code>/.exec(said) ?? [];
  const [, message = "UnknownError"] = /<Message>([^<]+)<\/Message>/.exec(said) ?? [];
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}
