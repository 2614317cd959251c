// Knows: how a bucket is written in a configuration. Must not know: what is kept in it.
import * as z from "zod";
import { Duration } from "../kernel/duration.ts";
import { SecretReference, type ResolveSecret } from "../kernel/secret-reference.ts";
import type { Secret } from "../kernel/secret.ts";

/** Where a bucket is, and what opens it. */
export interface StoreSettings {
  readonly bucket: string;
  /** Such as `https://s3.example.org:9000`. Absent: AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  /** The bucket is the first part of the path, not of the name of the host. */
  readonly pathStyle: boolean;
  /** Absent: what the environment, a profile or the machine itself is given. */
  readonly credentials?: { readonly accessKey: Secret; readonly secretKey: Secret };
  /** How many requests may be under way at once. Default: 64. */
  readonly maxSockets?: number;
  /** After so long without a byte, a request is given up and made again. Default: 60 s. */
  readonly stallMs?: number;
  /** How long to wait before each further attempt. */
  readonly waitsMs?: readonly number[];
}

const Endpoint = z
  .url({ protocol: /^https?$/, error: "expected an address such as https://s3.example.org" })
  .refine((text) => !/^[a-z]+:\/\/[^/]*@/i.test(text), {
    error: "keys belong in access-key and secret-key, not in the address",
  });

/** Keys that describe a bucket. Each may be left out where something else can say it. */
export const s3Shape = {
  bucket: z
    .string()
    .min(1)
    .meta({ description: "The name of the bucket.", examples: ["nextcloud"] }),
  endpoint: Endpoint.optional().meta({
    description: "The address of the service. Default: AWS.",
    examples: ["https://s3.example.org"],
  }),
  region: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "The region. Default: what AWS's own settings say; us-east-1 with an endpoint.",
      examples: ["eu-central-1"],
    }),
  "path-style": z.boolean().optional().meta({
    description:
      "Whether the bucket is the first part of the path, not of the host's name. Default: true with an endpoint.",
  }),
  timeout: Duration.refine((ms) => ms > 0, { error: "must be longer than nothing" })
    .optional()
    .meta({
      description:
        "After so long without a byte, a request is given up and made again. Default: 60s.",
      examples: ["30s"],
    }),
  prefix: z
    .string()
    .optional()
    .meta({ description: "What the keys begin with.", examples: ["urn:oid:"] }),
  "access-key": SecretReference.optional().meta({
    description:
      "The access key. Default, with secret-key: what AWS's own tools would use (environment, profile, role).",
  }),
  "secret-key": SecretReference.optional().meta({
    description: "The secret key that belongs to the access key.",
  }),
};

const AnyKeys = z.object({ ...s3Shape, bucket: s3Shape.bucket.optional() });
type S3Options = z.output<typeof AnyKeys>;

/** Both keys, or none: one alone opens nothing. */
export function keysBelongTogether(options: S3Options): boolean {
  return (options["access-key"] === undefined) === (options["secret-key"] === undefined);
}

/** What is said of it when they do not. */
export const keysApart = "access-key and secret-key belong together: name both, or none";

/** Fetches the secrets. What the options do not say is taken from `otherwise`. Throws `secret-unavailable`. */
export async function storeSettings(
  options: S3Options,
  otherwise: Partial<StoreSettings>,
  { secret, signal }: { readonly secret: ResolveSecret; readonly signal: AbortSignal },
): Promise<StoreSettings> {
  const { bucket = otherwise.bucket, endpoint = otherwise.endpoint } = options;
  const { region = otherwise.region, "path-style": pathStyle = otherwise.pathStyle } = options;
  if (bucket === undefined) throw new Error("a bucket without a name passed the configuration");
  const credentials = await credentialsOf(options, { secret, signal });
  return {
    bucket,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    pathStyle: pathStyle ?? endpoint !== undefined,
    ...(options.timeout !== undefined && { stallMs: options.timeout }),
    ...(otherwise.credentials && { credentials: otherwise.credentials }),
    ...(credentials && { credentials }),
  };
}

async function credentialsOf(
  { "access-key": accessKey, "secret-key": secretKey }: S3Options,
  { secret, signal }: { readonly secret: ResolveSecret; readonly signal: AbortSignal },
): Promise<StoreSettings["credentials"]> {
  if (accessKey === undefined || secretKey === undefined) return undefined;
  return { accessKey: await secret(accessKey, signal), secretKey: await secret(secretKey, signal) };
}
