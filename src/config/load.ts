// Knows: where a configuration is looked for, and how its file is read. Must not know: what stands in it.
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../kernel/errors.ts";
import type { Config } from "./config.ts";
import { defaultState, type LoadRequest, searchedFiles } from "./find.ts";
import { parseConfig } from "./parse.ts";

// No configuration written by a person comes near it; a file given by mistake does.
const largestBytes = 1024 * 1024;

/**
 * Finds, reads and checks the configuration: the given file, else `holdfast/holdfast.yaml` in
 * `$XDG_CONFIG_HOME` (`~/.config`), else `/etc/holdfast/holdfast.yaml`.
 *
 * Throws `config-missing` when there is none or it cannot be read, and `config-invalid`, which names
 * everything that is wrong with its line and column.
 */
export async function loadConfig({ file, env, home }: LoadRequest): Promise<Config> {
  const candidates = file === undefined ? searchedFiles(env, home) : [resolve(file)];
  for (const candidate of candidates) {
    const found = readConfigFile(candidate);
    if (found === undefined) continue;
    return parseConfig({
      file: candidate,
      ...found,
      home,
      defaultState: defaultState(candidate, env, home),
      platform: process.platform,
    });
  }
  const wanted = candidates.at(0) ?? "";
  throw new HoldfastError(
    "config-missing",
    candidates.length === 1
      ? `there is no configuration at ${wanted}`
      : `there is no configuration: looked for ${candidates.join(" and ")}`,
    { hint: `${folderFirst(wanted)}holdfast config example > ${wanted}` },
  );
}

/** What makes the folder of a file that is to be written, where it is not there yet. */
function folderFirst(file: string): string {
  const folder = dirname(file);
  return existsSync(folder) ? "" : `mkdir -p ${folder} && `;
}

interface ReadFile {
  readonly text: string;
  readonly readableByOthers: boolean;
}

// Read without promises: it is one small file, and every command waits for it.
/** The text of a configuration file, or undefined when there is no such file. */
export function readConfigFile(file: string): ReadFile | undefined {
  try {
    const descriptor = openSync(file, "r");
    using _ = { [Symbol.dispose]: () => closeSync(descriptor) };
    return readOpen(file, descriptor);
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new HoldfastError("config-missing", `the configuration ${file} cannot be read`, {
      cause,
      ...(code === "EACCES" ? { hint: `see who may read it with: ls -l ${file}` } : {}),
    });
  }
}

function readOpen(file: string, descriptor: number): ReadFile {
  const { size, mode } = fstatSync(descriptor);
  if (size > largestBytes) {
    throw new HoldfastError(
      "config-invalid",
      `${file}:1:1: the file is larger than 1 MiB: is this a configuration?`,
    );
  }
  // Windows has no such bits; what Node makes up there says nothing.
  const readableByOthers = process.platform !== "win32" && (mode & 0o044) !== 0;
  return { text: decode(file, readFileSync(descriptor)), readableByOthers };
}

/** Reads UTF-8, with or without a byte order mark. Throws `config-invalid`. */
function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    // The first character that had to be replaced is where the fault is.
    const before = new TextDecoder("utf-8").decode(bytes).split("\uFFFD")[0] ?? "";
    const lines = before.split("\n");
    const place = `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
    throw new HoldfastError("config-invalid", `${file}:${place}: the text is not UTF-8`, {
      hint: "save the file as UTF-8",
      cause,
    });
  }
}
