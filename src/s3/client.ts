// Knows: how AWS's client is loaded and asked, patiently. Must not know: what for.
import { setTimeout as sleep } from "node:timers/promises";
import type * as aws from "@aws-sdk/client-s3";
import { HoldfastError } from "../kernel/errors.ts";
import { failureOf, mayPass, type Subject } from "./failures.ts";
import type { StoreSettings } from "./options.ts";

/** AWS's package. It is large: loaded when a store is first asked for something. */
export type Sdk = typeof aws;

/** Asks a store, again where that can help, and says in one sentence why it did not. */
export interface Client extends Disposable {
  readonly bucket: string;
  /** It has an address of its own, and the bucket in its path: nothing has to be found out to ask it. */
  readonly isPlain: boolean;
  readonly stallMs: number;
  readonly waitsMs: readonly number[];
  /**
   * Makes one request, and again after each wait while that can help. The request has to use the signal that
   * it is handed: it aborts when nothing has come for too long.
   */
  ask<Answer>(
    asked: { readonly key?: string; readonly signal: AbortSignal },
    request: (sdk: Sdk, client: aws.S3Client, signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer>;
  /** The sentence for what failed, about this store. */
  failure(error: unknown, key?: string): unknown;
}

// Half a minute in all: what lasts longer is for the retries of a job.
const defaultWaitsMs: readonly number[] = [200, 500, 1000, 2000, 4000, 8000, 15_000];
const defaultStallMs = 60_000;
const connectMs = 15_000;

/** Opens nothing yet. */
export function openClient(settings: StoreSettings): Client {
  const { bucket, stallMs = defaultStallMs, waitsMs = defaultWaitsMs } = settings;
  let opened: Promise<{ readonly sdk: Sdk; readonly client: aws.S3Client }> | undefined;
  const open = async () => await (opened ??= load(settings));
  const subject: Subject = { bucket, endpoint: settings.endpoint ?? "AWS" };
  const failure = (error: unknown, key?: string): unknown =>
    failureOf(error, { ...subject, ...(key !== undefined && { key }) });
  return {
    bucket,
    isPlain: settings.endpoint !== undefined && settings.pathStyle,
    stallMs,
    waitsMs,
    failure,
    async ask({ key, signal }, request) {
      const { sdk, client } = await open();
      for (const wait of [...waitsMs, undefined]) {
        try {
          return await withDeadline(
            { signal, stallMs },
            async (limited) => await request(sdk, client, limited),
          );
        } catch (error) {
          if (signal.aborted) throw interrupted(signal);
          if (wait === undefined || !mayPass(error)) throw failure(error, key);
        }
        await pause(wait, signal);
      }
      throw new Error("the last attempt either answers or throws");
    },
    [Symbol.dispose]() {
      // One that was never opened, or could not be, has nothing to close.
      opened?.then(
        ({ client }) => client.destroy(),
        () => {},
      );
    },
  };
}

/** Waits, but for not quite as long as others do: those that failed together do not come back together. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds * (0.75 + Math.random() / 2), undefined, { signal });
  } catch (error) {
    throw signal.aborted ? interrupted(signal) : error;
  }
}

/** What is thrown once the signal has aborted: its own reason where that says more. */
export function interrupted(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof HoldfastError
    ? reason
    : new HoldfastError("interrupted", "reading the store was interrupted");
}

async function withDeadline<Answer>(
  { signal, stallMs }: { readonly signal: AbortSignal; readonly stallMs: number },
  request: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  signal.throwIfAborted();
  // One of `AbortSignal.any` for each request costs as much as signing it.
  const ended = new AbortController();
  const end = (): void => ended.abort(signal.reason);
  signal.addEventListener("abort", end);
  const timer = setTimeout(() => ended.abort(), stallMs);
  try {
    return await request(ended.signal);
  } catch (error) {
    if (!ended.signal.aborted || signal.aborted) throw error;
    throw new SilentLine(`no answer within ${stallMs / 1000} s`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

/** A line on which nothing comes any more, though nobody has closed it. */
export class SilentLine extends Error {
  override readonly name = "timed out";
}

async function load(settings: StoreSettings): Promise<{ sdk: Sdk; client: aws.S3Client }> {
  const sdk = await import("@aws-sdk/client-s3");
  const { endpoint, region, pathStyle, credentials, maxSockets = 64 } = settings;
  const agent = { keepAlive: true, maxSockets };
  const client = new sdk.S3Client({
    ...(endpoint !== undefined && { endpoint, region: region ?? "us-east-1" }),
    ...(region !== undefined && { region }),
    forcePathStyle: pathStyle,
    ...(credentials !== undefined && {
      credentials: {
        accessKeyId: credentials.accessKey.reveal(),
        secretAccessKey: credentials.secretKey.reveal(),
      },
    }),
    // Trying again is done here, where it is known what was asked.
    maxAttempts: 1,
    // Stores that are not AWS do not know these; what is read is compared with the row and its ETag.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    followRegionRedirects: endpoint === undefined,
    requestHandler: {
      connectionTimeout: connectMs,
      httpAgent: agent,
      httpsAgent: agent,
      socketAcquisitionWarningTimeout: 86_400_000,
    },
    // It would write to the terminal.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  return { sdk, client };
}
