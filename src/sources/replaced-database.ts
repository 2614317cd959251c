// Knows: how a database gives way to a dump, and comes back. Must not know: what uses it.
import * as z from "zod";
import type { DatabaseSettings } from "../databases/database.ts";
import { openDatabase } from "../databases/index.ts";
import type { Host } from "../hosts/host.ts";
import { Secret } from "../kernel/secret.ts";
import { writePrivateFile } from "./private-file.ts";

/** A database that is replaced, and all that bringing it back needs. It can be written down. */
export const ReplacedDatabase = z.object({
  /** The words before every command of its tools. */
  through: z.array(z.string()),
  /** The dump of what was in it. */
  kept: z.string(),
  /** A private file that says how it is reached: by then nobody else may be able to tell. */
  connection: z.string(),
});
export type ReplacedDatabase = z.output<typeof ReplacedDatabase>;

const Connection = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("sqlite"), file: z.string() }),
  z.object({
    kind: z.enum(["mariadb", "postgresql"]),
    name: z.string(),
    user: z.string().optional(),
    password: z.string().optional(),
    host: z.string().optional(),
    port: z.number().optional(),
    socket: z.string().optional(),
  }),
]);

/** Says that what is in the database may be neither the old nor the new. */
const begun = ({ kept }: ReplacedDatabase): string => `${kept}.replacing`;

/** Writes down how the database is reached, and dumps what is in it. Nothing is replaced yet. */
export async function keepDatabase(
  host: Host,
  replaced: ReplacedDatabase,
  { settings, signal }: { readonly settings: DatabaseSettings; readonly signal: AbortSignal },
): Promise<void> {
  const { connection, through, kept } = replaced;
  await writePrivateFile(host, { file: connection, text: written(settings) }, signal);
  const database = openDatabase(settings, { host, through });
  await database.dump({ file: kept, compress: "none" }, signal).finished;
}

/** Replaces what is in the database by a dump. Throws `target-invalid` where that is none. */
export async function replaceDatabase(
  host: Host,
  replaced: ReplacedDatabase,
  request: {
    readonly settings: DatabaseSettings;
    readonly dump: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { settings, dump, signal } = request;
  const argv = ["touch", "--", begun(replaced)] as const;
  await host.run({ argv, effect: "writes" }, signal);
  const { through } = replaced;
  await openDatabase(settings, { host, through }).restore({ file: dump }, signal);
}

/** Brings back what was in the database, where that was begun to be replaced. May be repeated. */
export async function putDatabaseBack(
  host: Host,
  replaced: ReplacedDatabase,
  signal: AbortSignal,
): Promise<void> {
  const [marker] = await host.inspect([begun(replaced)], signal);
  if (marker?.kind === "file") {
    const { connection, through, kept } = replaced;
    const { stdout } = await host.run({ argv: ["cat", "--", connection], effect: "reads" }, signal);
    const settings = read(stdout);
    await openDatabase(settings, { host, through }).restore({ file: kept }, signal);
  }
  await forgetDatabase(host, replaced, signal);
}

/** Removes what only bringing it back needs: the dump stays. */
export async function forgetDatabase(
  host: Host,
  replaced: ReplacedDatabase,
  signal: AbortSignal,
): Promise<void> {
  const argv = ["rm", "--force", "--", begun(replaced), replaced.connection] as const;
  await host.run({ argv, effect: "writes" }, signal);
}

function written(settings: DatabaseSettings): string {
  if (settings.kind === "sqlite") return JSON.stringify(settings);
  const { password, ...others } = settings;
  const revealed = password === undefined ? {} : { password: password.reveal() };
  return JSON.stringify({ ...others, ...revealed });
}

function read(text: string): DatabaseSettings {
  const known = Connection.parse(JSON.parse(text));
  if (known.kind === "sqlite") return known;
  const { kind, name, password, user, host, port, socket } = known;
  return {
    kind,
    name,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password: new Secret(password) }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(socket === undefined ? {} : { socket }),
  };
}
