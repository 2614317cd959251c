// Knows: what a store, the client or the line to it says when something fails. Must not know: what was asked for.
import { HoldfastError } from "../kernel/errors.ts";

/** What an error carries that came from a store or from the way to it. */
interface Traits {
  /** The store's own word, such as `NoSuchKey`, or that of the system, such as `ECONNRESET`. */
  readonly word: string;
  /** Of HTTP. Absent: there was no answer. */
  readonly status: number | undefined;
  readonly message: string;
}

/** What it was about, for the sentence. */
export interface Subject {
  readonly bucket: string;
  readonly endpoint: string;
  /** The object, where it was about one. */
  readonly key?: string;
}

// A bug of ours looks like one, whatever was being asked.
const bugs = [ReferenceError, RangeError, SyntaxError];

/** Words that are final, whatever the status: what is wrong stays wrong. */
const hints: Readonly<Record<string, string>> = {
  NoSuchBucket: "create the bucket, or correct its name",
  AccessDenied: "give the access key the right to list and to read this bucket",
  Forbidden: "give the access key the right to list and to read this bucket",
  InvalidAccessKeyId: "correct access-key",
  SignatureDoesNotMatch: "correct secret-key",
  RequestTimeTooSkewed: "set this machine's clock",
  PermanentRedirect: "correct region and endpoint: the bucket is somewhere else",
  AuthorizationHeaderMalformed: "correct region",
  CredentialsProviderError:
    "name access-key and secret-key, or give this machine credentials as AWS's own tools expect them",
  ENOTFOUND: "correct endpoint, or the network's name service",
  ERR_INVALID_URL: "correct endpoint",
};

/** Whether asking again can help: throttling, trouble of the store, and every broken or silent line. */
export function mayPass(error: unknown): boolean {
  if (error instanceof HoldfastError || isBug(error)) return false;
  const { word, status } = traitsOf(error);
  if (word === "ENOTFOUND" || word === "ECONNREFUSED") return true;
  if (status === undefined) return hints[word] === undefined;
  // An answer that was cut off on its way says that all went well, and cannot be read.
  if (status < 300) return true;
  return status === 429 || status === 408 || status >= 500 || word === "RequestTimeout";
}

/** One sentence for whatever failed, with the hint that mends it. A bug stays what it is. */
export function failureOf(error: unknown, subject: Subject): unknown {
  if (error instanceof HoldfastError || isBug(error)) return error;
  const traits = traitsOf(error);
  const { bucket, endpoint, key } = subject;
  if (key !== undefined) {
    const about = objectFailure(traits, { bucket, key }, error);
    if (about !== undefined) return about;
  }
  const hint = hints[traits.word];
  const what = traits.status === undefined ? "cannot be reached" : "cannot be used";
  return new HoldfastError(
    "store-unusable",
    `bucket "${bucket}" at ${endpoint} ${what}: ${sentence(traits)}`,
    { cause: error, ...(hint !== undefined && { hint }) },
  );
}

/** A store refuses to do what it would have to do to be of use, or does it wrong. */
export function unusable(bucket: string, reason: string, hint?: string): HoldfastError {
  return new HoldfastError("store-unusable", `bucket "${bucket}" cannot be used: ${reason}`, {
    ...(hint !== undefined && { hint }),
  });
}

/** Whether the store has no such method or header. */
export function isNotImplemented(error: unknown): boolean {
  return traitsOf(error).status === 501;
}

/** Whether something has that key already, or is about to. */
export function isTaken(error: unknown): boolean {
  const { status, word } = traitsOf(error);
  return status === 412 || (status === 409 && word === "ConditionalRequestConflict");
}

/** Whether there is no such object, or no such upload. */
export function isMissing(error: unknown): boolean {
  const { status, word } = traitsOf(error);
  return status === 404 && word !== "NoSuchBucket";
}

function objectFailure(
  { word, status }: Traits,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  cause: unknown,
): HoldfastError | undefined {
  const name = `object ${JSON.stringify(key)} of bucket "${bucket}"`;
  if (status === 404 && word !== "NoSuchBucket") {
    return new HoldfastError("object-missing", `${name} does not exist`, { cause });
  }
  if (status === 412 || status === 416) {
    return new HoldfastError("object-changed", `${name} was changed while it was read`, { cause });
  }
  if (word === "InvalidObjectState") {
    const hint = "restore it from the archive, or back up what is not archived";
    return new HoldfastError("object-missing", `${name} is in an archive and cannot be read`, {
      cause,
      hint,
    });
  }
  return undefined;
}

function isBug(error: unknown): boolean {
  return bugs.some((bug) => error instanceof bug) && traitsOf(error).status === undefined;
}

function sentence({ word, status, message }: Traits): string {
  const said = message === "" || message === word ? word : `${word}: ${message}`;
  return status === undefined ? said : `${said} (HTTP ${status})`;
}

function traitsOf(error: unknown): Traits {
  if (!(error instanceof Error)) return { word: "unknown", status: undefined, message: "" };
  const metadata = property(error, "$metadata");
  const status = property(metadata, "httpStatusCode");
  const code = property(error, "code");
  const named = error.name === "Error" && typeof code === "string" ? code : error.name;
  return {
    word: named === "UnknownError" || named === "Unknown" ? "refused" : named,
    status: typeof status === "number" ? status : undefined,
    message: error.message === "UnknownError" ? "" : error.message,
  };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
