// Knows: what the program may take for granted of anything that reads a foreign configuration. Must not know: any of it.
import type { Imported } from "./imported.ts";
import type { Line } from "./line-text.ts";
import type { Report } from "./report.ts";
import type { Section } from "./section.ts";

/** How a file is written: TOML, YAML (and so JSON), or lines of a key and its value. */
export type Format = "toml" | "yaml" | "lines";

/** A file that is being read, and what is made of it. */
export interface Reading {
  readonly root: Section;
  /** Of a file of lines, what `root` has under their names. */
  readonly lines: readonly Line[];
  readonly report: Report;
  readonly imported: Imported;
  /** What `~` means in the file. */
  readonly home: string;
  /** What was said on the tool's own command line, by the name of the option without its dashes. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Reads the configuration of one tool. */
export interface Reader {
  /** What `--from` calls it. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  readonly formats: readonly Format[];
  /** Whether a file looks like one of this tool. Pure. */
  recognises(root: Section, lines: readonly Line[]): boolean;
  /**
   * Reads it. Every key that is there is judged; what is forgotten is reported as unknown. What is wrong
   * in the file goes to the report.
   */
  read(reading: Reading): void;
}
