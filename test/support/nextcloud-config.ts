// Knows: how Nextcloud reads and rewrites the files of its configuration. Must not know: which command wants it.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { naturalOrder } from "../../src/nextcloud/natural-order.ts";
import {
  type PhpArray,
  type PhpValue,
  plainOf,
  readPhpConfig,
  UnreadablePhp,
} from "../../src/nextcloud/php.ts";

export type Config = PhpArray;

/** config.php first, then every `*.config.php` in natural order. */
export function configFilesOf(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const more = readdirSync(folder)
    .filter((name) => name.endsWith(".config.php") && !name.startsWith("."))
    .toSorted(naturalOrder);
  const names = existsSync(join(folder, "config.php")) ? ["config.php", ...more] : more;
  return names.map((name) => join(folder, name));
}

/** What PHP complains of when it reads them. */
export function configTrouble(folder: string): string | undefined {
  for (const file of configFilesOf(folder)) {
    const text = read(file);
    if (text === "") continue;
    if (!text.startsWith("<?php") || /\?>\n\s*\n/.test(text)) {
      return `Exception: Config file has leading content, please remove everything before "<?php" in ${file.split("/").at(-1)} in /srv/nextcloud/app/lib/private/Config.php:253`;
    }
    try {
      readPhpConfig(text);
    } catch (error) {
      if (!(error instanceof UnreadablePhp)) throw error;
      return `ParseError: syntax error, unexpected end of file in ${file}:${error.line}`;
    }
  }
  return undefined;
}

/** All of them merged, keys replaced as wholes, and what the environment says. */
export function readConfigFolder(folder: string): Config {
  const merged = new Map<string, PhpValue>();
  for (const file of configFilesOf(folder)) {
    const text = read(file);
    if (text === "") continue;
    for (const [key, value] of readPhpConfig(text)) merged.set(key, value);
  }
  return new Map([...merged].filter(([, value]) => value !== null));
}

/** What the environment says wins. */
export function plain(config: Config): Readonly<Record<string, unknown>> {
  const entries = [...config].map(
    ([key, value]) => [key, process.env[`NC_${key}`] ?? plainOf(value)] as const,
  );
  return Object.fromEntries(entries);
}

/** A text that is in it, or the empty one. */
export function textIn(config: Config, key: string): string {
  const value = config.get(key);
  return typeof value === "string" ? value : "";
}

/** As PHP's `json_encode` writes it. */
export function jsonOf(config: Config): string {
  return JSON.stringify(plainOf(config))
    .replaceAll("/", "\\/")
    .replaceAll(
      /[\u0080-\uFFFF]/g,
      (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
    );
}

/** Rewrites config.php as Nextcloud does: in place, under its lock, without what was a comment. */
export function writeConfig(file: string, config: Config): void {
  const text = `<?php\n$CONFIG = ${exported(config, "")};\n`;
  // `cat` truncates it only once the lock is held, as PHP does.
  execFileSync("flock", [file, "sh", "-c", 'cat > "$1"', "sh", file], { input: text });
  chmodSync(file, 0o640);
}

/** A file that config.php can be, as Nextcloud writes it. */
export function configText(config: Readonly<Record<string, unknown>>): string {
  return `<?php\n$CONFIG = ${exported(phpOf(config), "")};\n`;
}

function phpOf(value: unknown): PhpValue {
  if (Array.isArray(value)) {
    return new Map(value.map((one, index) => [String(index), phpOf(one)]));
  }
  if (typeof value === "object" && value !== null) {
    return new Map(Object.entries(value).map(([key, one]) => [key, phpOf(one)]));
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  return null;
}

function exported(value: PhpValue, indent: string): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll(/[\\']/g, "\\$&")}'`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const lines = [...value].map(([key, one]) => {
    const name = /^(0|-?[1-9]\d*)$/.test(key) ? key : `'${key.replaceAll(/[\\']/g, "\\$&")}'`;
    const inner = exported(one, `${indent}  `);
    const gap = one instanceof Map ? ` \n${indent}  ` : " ";
    return `${indent}  ${name} =>${gap}${inner},\n`;
  });
  return `array (\n${lines.join("")}${indent})`;
}

function read(file: string): string {
  // Given a name, flock would make a file that has just been taken away. It is as good as empty then.
  const script = '{ flock --shared 9; cat <&9; } 9<"$1" || [ ! -e "$1" ]';
  return execFileSync("sh", ["-c", script, "sh", file], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}
