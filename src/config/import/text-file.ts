// Knows: how the file that is to be imported is read. Must not know: what stands in it.
import { resolve } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import { readConfigFile } from "../load.ts";

/**
 * The text of a file. Throws `config-missing` when there is none, and `config-invalid` when it is larger than any
 * configuration or is no text.
 */
export function readTextFile(file: string): string {
  const found = readConfigFile(resolve(file));
  if (found !== undefined) return found.text;
  throw new HoldfastError("config-missing", `there is no file ${file}`, {
    hint: "name the configuration of the tool that you come from",
  });
}
