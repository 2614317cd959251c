// Knows: how a store that speaks S3 is opened, and whether it answers. Must not know: what its objects mean.
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
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

// Somebody is waiting for the answer.
const examiningWaitsMs = [200, 500, 1000];

/** Looks whether a bucket can be listed, by one page of its keys, and holds anything of this kind. */
export async function examineStore(
  settings: StoreSettings,
  { prefix, label }: { readonly prefix: string; readonly label: string },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  using store = openStore({ ...settings, waitsMs: examiningWaitsMs });
  const subject = `source ${label}`;
  try {
    for await (const batch of store.list(prefix, signal)) if (batch.length > 0) return [];
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "store-unusable") throw error;
    const { code, message, hint } = error;
    return [{ code, severity: "error", subject, message, ...(hint !== undefined && { hint }) }];
  }
  const what = prefix === "" ? "holds nothing" : `holds no key that begins with "${prefix}"`;
  return [
    {
      code: "source-empty",
      severity: "warning",
      subject,
      message: `bucket "${settings.bucket}" ${what}`,
      hint: "see whether it is the right bucket, and the right prefix",
    },
  ];
}
