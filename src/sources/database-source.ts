// Knows: how a database becomes a dump that can be backed up. Must not know: which kinds of database there are.
import { posix } from "node:path";
import type { DatabaseSettings, DumpCompression } from "../databases/database.ts";
import { openDatabase } from "../databases/index.ts";
import type { Evidence } from "../kernel/evidence.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import type { PreparedPaths } from "../kernel/prepared-source.ts";
import { reinstateDatabase } from "./database-reinstatement.ts";
import { takeDumpStaging } from "./dump-staging.ts";
import type { RestoredCopy } from "./reinstatement.ts";
import type { Source, SourceAccess, SourceState } from "./source.ts";

/** A database as its configuration has it. */
export interface ConfiguredDatabase {
  /** What messages call the source. */
  readonly label: string;
  readonly settings: (signal: AbortSignal) => Promise<DatabaseSettings>;
  readonly through: readonly string[];
  readonly compress: DumpCompression;
  /** The folder of its dump, absolute: nothing else is in it. */
  readonly staging: string;
  /** What the dump is called, by how it is compressed. */
  readonly file: (compress: DumpCompression) => string;
  /** Whether it is there, as far as that can be seen without it. */
  readonly observe: (signal: AbortSignal) => Promise<SourceState>;
}

/** A source that dumps a database before it is read. */
export function openDatabaseSource(configured: ConfiguredDatabase, access: SourceAccess): Source {
  const { label, staging, through, observe } = configured;
  const { host, ledger } = access;
  const reach = { host, through };
  return {
    label,
    paths: [staging],
    observe,
    prepare: async (signal) => await dumped(configured, access, signal),
    examine: async (signal) =>
      await openDatabase(await configured.settings(signal), reach).examine(signal),
    async reinstate(wish, signal) {
      const settings = await configured.settings(signal);
      const dumpIn = async (copy: RestoredCopy, until: AbortSignal) =>
        await findDump(configured, { copy, access }, until);
      const source = { settings, access: reach, ledger, staging, dumpIn };
      return await reinstateDatabase(source, wish, signal);
    },
  };
}

async function dumped(
  configured: ConfiguredDatabase,
  { host, ledger }: SourceAccess,
  signal: AbortSignal,
): Promise<PreparedPaths> {
  const { staging: folder, compress, through, file } = configured;
  const database = openDatabase(await configured.settings(signal), { host, through });
  // Whether it can be used at all is known before anything is made.
  const expected = await database.estimate(signal);
  await using stack = new AsyncDisposableStack();
  const request = { host, folder, subject: database.label, ledger };
  const staging = stack.use(await takeDumpStaging(request, signal));
  await refuseFull({ access: { host }, folder, expected, compress }, signal);
  const dump = database.dump({ file: posix.join(folder, file(compress)), compress }, signal);
  const { bytes, notes } = await dump.finished;
  const held = stack.move();
  return {
    kind: "paths",
    root: folder,
    paths: [folder],
    evidence(): Evidence {
      const all = [...notes.map((note) => `${database.label}: ${note}`), ...staging.troubles];
      return { dumpedBytes: bytes, ...(all.length === 0 ? {} : { notes: all }) };
    },
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

// What SQL text becomes at least.
const share = { none: 1, gzip: 1 / 4, zstd: 1 / 4 } as const;

async function refuseFull(
  need: {
    readonly access: Pick<SourceAccess, "host">;
    readonly folder: string;
    readonly expected: number;
    readonly compress: DumpCompression;
  },
  signal: AbortSignal,
): Promise<void> {
  const { access, folder, expected, compress } = need;
  const [state] = await access.host.inspect([folder], signal);
  const needed = expected * share[compress];
  if (state === undefined || !("freeBytes" in state) || state.freeBytes >= needed) return;
  throw new HoldfastError(
    "dump-failed",
    `about ${formatSize(needed)} are needed in ${folder}, and ${formatSize(state.freeBytes)} are free`,
    { hint: "make some space there, or name another folder under `staging`" },
  );
}

/** Where the dump may be in what an engine restored: first where it is most likely. Pure. */
export function dumpPaths(
  { staging, file }: Pick<ConfiguredDatabase, "staging" | "file">,
  { folder, paths = [] }: Pick<RestoredCopy, "folder" | "paths">,
): readonly string[] {
  // Engines keep absolute paths, names as seen from the folder of the dump, or its own name.
  const below = [
    staging,
    ...paths,
    ".",
    posix.basename(staging),
    ...paths.map((path) => posix.basename(path)),
  ];
  const folders = [...new Set(below.map((path) => posix.join(folder, path)))];
  return folders.flatMap((each) =>
    (["none", "gzip", "zstd"] as const).map((kind) => posix.join(each, file(kind))),
  );
}

async function findDump(
  configured: ConfiguredDatabase,
  { copy, access }: { readonly copy: RestoredCopy; readonly access: SourceAccess },
  signal: AbortSignal,
): Promise<string> {
  const candidates = dumpPaths(configured, copy);
  const states = await access.host.inspect(candidates, signal);
  const found = candidates.find((_, index) => states[index]?.kind === "file");
  if (found !== undefined) return found;
  const name = configured.file("none");
  throw new HoldfastError("target-invalid", `the snapshot holds no dump called ${name}`, {
    hint: "name another snapshot: holdfast snapshots",
  });
}
