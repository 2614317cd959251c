// Knows: how a new database is filled from a dump, to practise on. Must not know: whose dump it is.
import { posix } from "node:path";
import type { DatabaseAccess, DatabaseSettings } from "../databases/database.ts";
import { openDatabase } from "../databases/index.ts";
import { HoldfastError } from "../kernel/errors.ts";

/** A database beside the real one, on the same server; of SQLite another file. */
export interface Drill {
  readonly settings: DatabaseSettings;
  readonly access: DatabaseAccess;
  /** What the new one is called. */
  readonly name: string;
}

/** What a person calls it. */
export function drillLabel({ settings, name }: Drill): string {
  return settings.kind === "sqlite" ? `the file ${posix.resolve(name)}` : `the database "${name}"`;
}

/**
 * Makes sure that nothing can be lost: there is no such database, or one without tables. Throws
 * `target-invalid`, and `usage-invalid` for a name that would have to be quoted.
 */
export async function mustBeVacant(drill: Drill, signal: AbortSignal): Promise<void> {
  const { settings, access, name } = drill;
  if (settings.kind !== "sqlite" && !/^[A-Za-z0-9_][A-Za-z0-9_$-]{0,62}$/.test(name)) {
    throw new HoldfastError("usage-invalid", `"${name}" is no plain name for a database`, {
      hint: "use letters, digits and _ only, at most 63",
    });
  }
  if (await isVacant(drill, signal)) return;
  throw new HoldfastError("target-invalid", `${drillLabel(drill)} is there, and not empty`, {
    hint: `name a new one with --database, or remove that one first: ${dropCommand(settings, name, access)}`,
  });
}

async function isVacant({ settings, access, name }: Drill, signal: AbortSignal): Promise<boolean> {
  if (settings.kind === "sqlite") {
    const [state] = await access.host.inspect([posix.resolve(name)], signal);
    return state?.kind === "missing" || (state?.kind === "file" && state.empty);
  }
  if (settings.name === name) return false;
  const count = async (at: string, query: string): Promise<number> => {
    const answer = openDatabase({ ...settings, name: at }, access).rows([query], signal);
    let found = 0;
    for await (const { rows } of answer) found = Number(rows[0]?.[0] ?? 0);
    return found;
  };
  const schemas =
    settings.kind === "mariadb"
      ? `table_schema = '${name}'`
      : "table_schema NOT IN ('pg_catalog', 'information_schema')";
  const tables = `SELECT count(*) FROM information_schema.tables WHERE ${schemas}`;
  if (settings.kind === "mariadb") return (await count("information_schema", tables)) === 0;
  const databases = `SELECT count(*) FROM pg_database WHERE datname = '${name}'`;
  const exists = (await count(settings.name, databases)) > 0;
  return !exists || (await count(name, tables)) === 0;
}

/** Fills it. */
export async function fillDrill(
  { settings, access, name }: Drill,
  { dump, signal }: { readonly dump: string; readonly signal: AbortSignal },
): Promise<void> {
  const into = settings.kind === "sqlite" ? posix.resolve(name) : name;
  await openDatabase(settings, access).restore({ file: dump, into }, signal);
}

/** What removes it when it has served. */
export function dropCommand(
  settings: DatabaseSettings,
  name: string,
  { through }: Pick<DatabaseAccess, "through">,
): string {
  if (settings.kind === "sqlite") return `rm -- ${posix.resolve(name)}`;
  const { user = "root" } = settings;
  const words =
    settings.kind === "mariadb"
      ? ["mariadb", "-u", user, "-p", "-e", `'DROP DATABASE \`${name}\`'`]
      : ["dropdb", "-U", user, name];
  return [...through, ...words].join(" ");
}
