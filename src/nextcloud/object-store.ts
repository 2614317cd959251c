// Knows: how config.php says that files are kept in S3. Must not know: whether the store answers.
import * as z from "zod";
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";
import type { ObjectStoreSettings } from "./instance.ts";

const Arguments = z.object({
  bucket: z.string().optional(),
  objectPrefix: z.string().optional(),
  num_buckets: z.coerce.number().int().positive().optional().catch(undefined),
  multibucket: z.boolean().optional().catch(undefined),
  hostname: z.string().optional(),
  port: z.coerce.number().int().optional().catch(undefined),
  use_ssl: z.boolean().optional().catch(undefined),
  use_path_style: z.boolean().optional().catch(undefined),
  region: z.string().optional(),
  key: z.string().optional(),
  secret: z.string().optional(),
});
type Arguments = z.output<typeof Arguments>;

const OneStore = z.object({ class: z.string(), arguments: Arguments.optional() });
/** Of newer versions: several stores with names, one of which is the default; names may stand for others. */
const NamedStores = z.record(z.string(), z.unknown());

/** Nextcloud's own default. */
const ordinaryPrefix = "urn:oid:";
const ordinaryBuckets = 64;

/** Where files are, if not in the data directory. Throws `store-unusable` when it is not S3. */
export function readObjectStore(system: {
  readonly objectstore?: unknown;
  readonly objectstore_multibucket?: unknown;
}): ObjectStoreSettings | undefined {
  const { objectstore: one, objectstore_multibucket: many } = system;
  // Nextcloud prefers the one with many buckets.
  if (isSet(many)) return settingsOf(many, true);
  return isSet(one) ? settingsOf(one, false) : undefined;
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}

function settingsOf(value: unknown, hasMany: boolean): ObjectStoreSettings {
  const store = storeIn(value, 0);
  if (store === undefined) {
    throw new HoldfastError("store-unusable", "the objectstore of config.php names no store", {
      hint: "correct it, or give `s3` in the configuration of this source",
    });
  }
  if (!/(?:^|\\)S3$/.test(store.class)) {
    throw new HoldfastError(
      "store-unusable",
      `Nextcloud keeps its files in ${store.class}, not in S3`,
      {
        hint: "holdfast can only read stores that speak S3",
      },
    );
  }
  return fromArguments(store.arguments ?? {}, hasMany);
}

function storeIn(value: unknown, depth: number): z.output<typeof OneStore> | undefined {
  const one = OneStore.safeParse(value);
  if (one.success) return one.data;
  const named = NamedStores.safeParse(value);
  const longestChainOfNames = 8;
  if (!named.success || depth > longestChainOfNames) return undefined;
  let next = named.data["default"];
  while (typeof next === "string") next = next === "default" ? undefined : named.data[next];
  return next === undefined ? undefined : storeIn(next, depth + 1);
}

function fromArguments(given: Arguments, hasMany: boolean): ObjectStoreSettings {
  const isMany = hasMany || given.multibucket === true;
  const endpoint = endpointOf(given);
  const { region } = given;
  return {
    bucket: given.bucket ?? (isMany ? "nextcloud-" : "nextcloud"),
    prefix: given.objectPrefix ?? ordinaryPrefix,
    ...(isMany ? { buckets: given.num_buckets ?? ordinaryBuckets } : {}),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region ? { region } : {}),
    pathStyle: given.use_path_style ?? false,
    ...keysOf(given),
  };
}

function keysOf({ key, secret }: Arguments): Pick<ObjectStoreSettings, "accessKey" | "secretKey"> {
  return {
    ...(key === undefined ? {} : { accessKey: key }),
    ...(secret === undefined ? {} : { secretKey: new Secret(secret) }),
  };
}

function endpointOf({ hostname, port, use_ssl: usesSsl = true }: Arguments): string | undefined {
  if (hostname === undefined || hostname === "") return undefined;
  const isOrdinary = port === undefined || port === (usesSsl ? 443 : 80);
  return `${usesSsl ? "https" : "http"}://${hostname}${isOrdinary ? "" : `:${port}`}`;
}
