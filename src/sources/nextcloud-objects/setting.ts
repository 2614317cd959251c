// Knows: where a Nextcloud's rows and objects are, from what it says and what the configuration says instead. Must not know: what they hold.
import type { DatabaseSettings, Row } from "../../databases/database.ts";
import { openDatabase } from "../../databases/index.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { Secret } from "../../kernel/secret.ts";
import { readConfigDirectory, readInstance } from "../../nextcloud/index.ts";
import type { Instance, ObjectStoreSettings } from "../../nextcloud/instance.ts";
import { type StoreSettings, storeSettings } from "../../s3/options.ts";
import type { SourceAccess } from "../source.ts";
import { openDump } from "./dump/index.ts";
import { findDatabase } from "./find-database.ts";
import type { Options } from "./options.ts";
import type { Tables } from "./queries.ts";

/** Rows of a Nextcloud, wherever they are. */
export interface View extends AsyncDisposable {
  readonly tables: Tables;
  /** A dump stays as it is: asking it again tells nothing new. */
  readonly isLive: boolean;
  /** The rows of several queries, all from one consistent view, each in batches. */
  rows(
    queries: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<{ readonly query: number; readonly rows: readonly Row[] }>;
}

/** What has been found out of one Nextcloud. */
export interface Setting {
  readonly store: StoreSettings;
  /** What stands before the number of a file in its key. */
  readonly keyPrefix: string;
  readonly tablePrefix: string;
  readonly database: DatabaseSettings | { readonly dump: string };
}

type Known = Pick<Instance, "database" | "tablePrefix" | "objectStore">;

const ordinaryKeys = "urn:oid:";

/** Puts together what Nextcloud and the configuration say. Throws `source-missing`, and what asking throws. */
export async function findSetting(
  options: Options,
  access: SourceAccess,
  signal: AbortSignal,
): Promise<Setting> {
  const known = await ask(options, access, signal);
  return {
    store: await findStore(options, { access, known: known?.objectStore }, signal),
    keyPrefix: options.s3.prefix ?? known?.objectStore?.prefix ?? ordinaryKeys,
    tablePrefix: options["table-prefix"] ?? known?.tablePrefix ?? "oc_",
    database: await findDatabase(options, { access, known: known?.database }, signal),
  };
}

async function ask(
  { occ, config }: Options,
  { host, location }: SourceAccess,
  signal: AbortSignal,
): Promise<Known | undefined> {
  if (occ !== undefined) {
    return await readInstance({ host, occ, ...(config && { config: location }) }, signal);
  }
  return config === undefined ? undefined : await readConfigDirectory(host, location, signal);
}

async function findStore(
  { s3 }: Options,
  context: { readonly access: SourceAccess; readonly known: ObjectStoreSettings | undefined },
  signal: AbortSignal,
): Promise<StoreSettings> {
  const { access, known } = context;
  if (s3.bucket === undefined && known === undefined) {
    const hint = "back it up with a source of kind nextcloud, which reads the data directory";
    throw new HoldfastError("source-missing", "this Nextcloud does not keep its files in S3", {
      hint,
    });
  }
  if (known?.buckets !== undefined) {
    const message = `this Nextcloud spreads its files over ${known.buckets} buckets by user, and holdfast reads one`;
    const hint = "a job for each bucket does, with `s3` and `database` in place of config and occ";
    throw new HoldfastError("source-unreadable", message, { hint });
  }
  const { secret } = access;
  return await storeSettings(s3, known === undefined ? {} : settingsOf(known), { secret, signal });
}

function settingsOf(known: ObjectStoreSettings): Partial<StoreSettings> {
  const { bucket, endpoint, region, pathStyle, accessKey, secretKey } = known;
  return {
    bucket,
    pathStyle,
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(accessKey !== undefined &&
      secretKey !== undefined && {
        credentials: { accessKey: new Secret(accessKey), secretKey },
      }),
  };
}

/** Opens the database, or reads the dump. */
export async function openView(
  { database, tablePrefix: prefix }: Setting,
  { host, through }: { readonly host: SourceAccess["host"]; readonly through: readonly string[] },
  signal: AbortSignal,
): Promise<View> {
  if (!("dump" in database)) {
    const opened = openDatabase(database, { host, through });
    return {
      tables: { dialect: database.kind, prefix },
      isLive: true,
      rows: (queries, until) => opened.rows(queries, until),
      // Every question opens its own connection and closes it.
      [Symbol.asyncDispose]: async () => {},
    };
  }
  if (host.remote !== undefined) {
    const hint = "bring the dump to this machine, or run holdfast over there";
    const message = `the dump ${database.dump} is on host "${host.name}", and dumps are read on this machine`;
    throw new HoldfastError("source-unreadable", message, { hint });
  }
  const dump = await openDump({ file: database.dump, prefix, host }, signal);
  return { tables: { dialect: "sqlite", prefix }, isLive: false, ...dump };
}
