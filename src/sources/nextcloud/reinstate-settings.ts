// Knows: which settings a Nextcloud has after its configuration was put back. Pure. Must not know: where they are written.
import { plainOf, readPhpConfig, UnreadablePhp } from "../../nextcloud/php.ts";

/** What belongs to a machine, and not to what is on it: the way to the database, to files, to caches, to apps. */
export const keysOfPlace: readonly string[] = [
  "dbtype",
  "dbname",
  "dbhost",
  "dbport",
  "dbuser",
  "dbpassword",
  "dbdriveroptions",
  "datadirectory",
  "objectstore",
  "objectstore_multibucket",
  "redis",
  "redis.cluster",
  "memcached_servers",
  "memcache.local",
  "memcache.distributed",
  "memcache.locking",
  "apps_paths",
  "tempdirectory",
  "logfile",
];

/** The system part of a configuration, as JSON has it. */
export type System = Readonly<Record<string, unknown>>;

/**
 * The text of a config.php in which these keys have these values; those that are undefined are not set. What
 * differs is assigned at its end: Nextcloud puts it in order when it next writes the file.
 */
export function withValues(text: string, values: System): string {
  const before = systemIn(text);
  const changed = Object.entries(values).filter(
    ([key, value]) => before === undefined || !isSame(before[key], value),
  );
  // Where it cannot be read, what is not there need not be removed.
  const needed = changed.filter(([key, value]) => value !== undefined || text.includes(key));
  if (needed.length === 0) return text;
  const lines = needed.map(([key, value]) => `$CONFIG[${literal(key)}] = ${literal(value)};\n`);
  const open = text.replace(/\?>\s*$/, "").trimEnd();
  return `${open}\n\n// As it was on this machine when holdfast put the configuration back.\n${lines.join("")}`;
}

/** Undefined where only PHP could read it. */
function systemIn(text: string): System | undefined {
  try {
    const plain = [...readPhpConfig(text)].map(([key, value]) => [key, plainOf(value)] as const);
    return Object.fromEntries(plain);
  } catch (error) {
    if (error instanceof UnreadablePhp) return undefined;
    throw error;
  }
}

function isSame(one: unknown, other: unknown): boolean {
  // What is null is not set, and what is not set is off.
  return JSON.stringify(one ?? false) === JSON.stringify(other ?? false);
}

/** A value of JSON as PHP writes it. */
function literal(value: unknown): string {
  if (typeof value === "string") return `'${value.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map((each) => literal(each)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return "null";
  const entries = Object.entries(value).map(([key, each]) => `${literal(key)} => ${literal(each)}`);
  return `[${entries.join(", ")}]`;
}
