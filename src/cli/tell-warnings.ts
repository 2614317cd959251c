// Knows: how warnings about a configuration are told.
import type { Config } from "../config/config.ts";
import type { Output } from "./render.ts";

/** Tells what is allowed and unwise in a configuration. */
export function tellWarnings(output: Output, { file, warnings }: Config): void {
  for (const { line, column, message, hint } of warnings) {
    const place = line === undefined ? "" : `:${line}:${column ?? 1}`;
    output.warning(`${file}${place}: ${message}`, hint);
  }
}
