// Knows: how a store that speaks S3 is opened. Must not know: what its objects mean.
import { openClient } from "./client.ts";
import { listObjects } from "./listing.ts";
import type { StoreSettings } from "./options.ts";
import { putObject } from "./putting.ts";
import { readObject } from "./reading.ts";
import type { Store } from "./store.ts";

/** Opens a bucket. Nothing is asked of it yet, and AWS's package is not loaded either. */
export function openStore(settings: StoreSettings): Store {
  const client = openClient(settings);
  return {
    bucket: settings.bucket,
    list: (prefix, signal) => listObjects(client, prefix, signal),
    read: async (request, signal) => await readObject(client, request, signal),
    put: async (object, signal) => await putObject(client, object, signal),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}
