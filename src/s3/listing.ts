// Knows: how a bucket is swept page by page. Must not know: what the objects are.
import { compareKeys } from "../kernel/key-order.ts";
import type { StoredObject } from "../kernel/prepared-source.ts";
import { type Client, SilentLine } from "./client.ts";
import { unusable } from "./failures.ts";

interface Page {
  readonly objects: readonly StoredObject[];
  readonly next: string | undefined;
}

/** Lists everything below a prefix. While one page is worked on, the next one is on its way. */
export async function* listObjects(
  client: Client,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredObject[]> {
  using given = givenUp();
  const either = AbortSignal.any([signal, given.signal]);
  const fetch = (token: string | undefined): Promise<Page> => {
    const page = fetchPage(client, { prefix, token }, either);
    // It may fail while nobody waits for it; whoever waits for it then is told.
    page.catch(() => {});
    return page;
  };
  let last: string | undefined;
  for (let page: Promise<Page> | undefined = fetch(undefined); page !== undefined;) {
    const { objects, next }: Page = await page;
    if (next !== undefined && objects.length === 0) {
      throw unusable(client.bucket, "a page of its listing is empty, and is not the last one");
    }
    page = next === undefined ? undefined : fetch(next);
    last = orderedFrom(last, objects, client.bucket);
    if (objects.length > 0) yield objects;
  }
}

/** Aborts when the listing is left, however it is left. */
function givenUp(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  return { signal: controller.signal, [Symbol.dispose]: () => controller.abort() };
}

/**
 * What is compared with a listing goes by its order, and a page that comes twice would never end. Answers with
 * the last key.
 */
function orderedFrom(
  last: string | undefined,
  objects: readonly StoredObject[],
  bucket: string,
): string | undefined {
  let previous = last;
  for (const { key } of objects) {
    if (previous !== undefined && compareKeys(previous, key) >= 0) {
      throw unusable(
        bucket,
        `it does not list its objects in order: ${JSON.stringify(key)} after ${JSON.stringify(previous)}`,
        "directory buckets and stores that are like them cannot be backed up",
      );
    }
    previous = key;
  }
  return previous;
}

async function fetchPage(
  client: Client,
  { prefix, token }: { readonly prefix: string; readonly token: string | undefined },
  signal: AbortSignal,
): Promise<Page> {
  const input = {
    Bucket: client.bucket,
    ...(prefix !== "" && { Prefix: prefix }),
    ...(token !== undefined && { ContinuationToken: token }),
    // Keys can hold what XML cannot.
    EncodingType: "url",
  } as const;
  const answer = await client.ask({ signal }, async (sdk, s3, abortSignal) => {
    const page = await s3.send(new sdk.ListObjectsV2Command(input), { abortSignal });
    // Of an empty bucket it says so too. Without it, the answer was lost on its way.
    if (page.IsTruncated === undefined) throw new SilentLine("a page of the listing came empty");
    return page;
  });
  const decode = answer.EncodingType === "url" ? decodeKey : (key: string) => key;
  const objects = (answer.Contents ?? []).map(
    ({ Key: key = "", Size: size = 0, ETag: etag = "", LastModified: modified }) => ({
      key: decode(key),
      size,
      etag: withoutQuotes(etag),
      modified: modified?.getTime() ?? 0,
    }),
  );
  return { objects, next: answer.IsTruncated === true ? answer.NextContinuationToken : undefined };
}

function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll("+", " "));
}

/** An ETag as it is compared and stored. */
export function withoutQuotes(etag: string): string {
  return etag.replace(/^"(.*)"$/, "$1");
}
