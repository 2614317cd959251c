// Knows: that everything in a bucket can be read under its keys. Must not know: what is in it, and who keeps it.
import * as z from "zod";
import type { PreparedObjects, StoredObject } from "../../kernel/prepared-source.ts";
import { examineStore, openStore } from "../../s3/index.ts";
import {
  keysApart,
  keysBelongTogether,
  s3Shape,
  type StoreSettings,
  storeSettings,
} from "../../s3/options.ts";
import { planReinstatement } from "../objects-reinstatement.ts";
import type { Source, SourceAccess, SourceSpec } from "../source.ts";
import { entriesOf } from "./entries.ts";
import { shared } from "./shared.ts";

const Options = z.strictObject(s3Shape).refine(keysBelongTogether, { error: keysApart });
type Options = z.output<typeof Options>;

/** A bucket: parsed into something that can be opened. */
export const bucket = z
  .strictObject({
    s3: Options.meta({
      description: "A bucket of a service that speaks S3. The only source of its job.",
    }),
  })
  .transform(({ s3: options }): SourceSpec => {
    const name = `s3://${options.bucket}${options.prefix === undefined ? "" : `/${options.prefix}`}`;
    return {
      kind: "objects",
      label: name,
      at: name,
      placeless: true,
      open: (access) => openBucket(options, name, access),
    };
  });

function openBucket(options: Options, label: string, { secret }: SourceAccess): Source {
  const { prefix = "" } = options;
  const settings = async (signal: AbortSignal): Promise<StoreSettings> =>
    await storeSettings(options, {}, { secret, signal });
  return {
    label,
    paths: [],
    // Whether it answers is found out when it is read: a look would be a sweep of its own.
    observe: async () => ({ kind: "ready", empty: false }),
    examine: async (signal) =>
      await examineStore(await settings(signal), { prefix, label }, signal),
    async reinstate(wish, signal) {
      const store = openStore(await settings(signal));
      return await planReinstatement({ store, keyPrefix: prefix, keys: "its path" }, wish, signal);
    },
    async prepare(signal): Promise<PreparedObjects> {
      const store = openStore(await settings(signal));
      let swept: ReturnType<typeof shared<readonly StoredObject[]>> | undefined;
      const sweep = (until: AbortSignal) => (swept ??= shared(store.list(prefix, until)));
      return {
        kind: "objects",
        store: `s3://${store.bucket}`,
        entries: (until) => entriesOf(sweep(until)[0]),
        objects: (until) => sweep(until)[1],
        read: async (request, until) => await store.read(request, until),
        async [Symbol.asyncDispose]() {
          store[Symbol.dispose]();
        },
      };
    },
  };
}
