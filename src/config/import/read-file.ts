// Knows: which reader takes a text, and what is said when none does. Must not know: what any reader makes of it.
import { extname } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import { configInvalid } from "../problem.ts";
import { didYouMean } from "../suggest.ts";
import { readYaml } from "../yaml-text.ts";
import { type Line, readLines } from "./line-text.ts";
import { readers } from "./readers/index.ts";
import type { Format, Reader } from "./reader.ts";
import { type Parsed, Report } from "./report.ts";
import { Section } from "./section.ts";
import { readToml } from "./toml-text.ts";
import { placesIn } from "./yaml-places.ts";

/** A text, parsed, with the reader that takes it. */
export interface Recognised {
  readonly reader: Reader;
  readonly root: Section;
  readonly report: Report;
  readonly lines: readonly Line[];
}

/** What is to be read. */
export interface GivenText {
  /** What messages call it. */
  readonly file: string;
  readonly text: string;
  /** The name of the tool, when it was said. */
  readonly from?: string;
}

// Reading takes longer the more there are in one map. No configuration of a person has a tenth of it.
const mostValues = 20_000;

/** Finds the reader of a text. Throws `config-invalid`, and `unknown-name` for a tool that is not known. */
export function recognise(given: GivenText): Recognised {
  const { file, text } = given;
  if (text.trim() === "") {
    throw configInvalid(file, [
      { path: [], part: "value", message: "the file is empty", line: 1, column: 1 },
    ]);
  }
  const candidates = given.from === undefined ? readers : [named(given.from)];
  if ((text.match(/[\n:,]/g)?.length ?? 0) > mostValues) {
    const message = `the file has more than ${mostValues} values: is this a configuration?`;
    throw configInvalid(file, [{ path: [], part: "value", message, line: 1, column: 1 }]);
  }
  let failure: HoldfastError | undefined;
  for (const format of formatsFor(file, candidates)) {
    const parsed = attempt(() => parseAs(format, given));
    if ("failure" in parsed) {
      failure ??= parsed.failure;
      continue;
    }
    const ofFormat = candidates.filter(({ formats }) => formats.includes(format));
    const found = ofFormat.find(
      (reader) => given.from !== undefined || reader.recognises(parsed.root, parsed.lines),
    );
    if (found !== undefined) return { reader: found, ...parsed };
  }
  if (failure !== undefined) throw failure;
  throw new HoldfastError(
    "config-invalid",
    `${file}:1:1: the file is of none of the tools that are known: ${readers.map(({ name }) => name).join(", ")}`,
    { hint: `say which tool it is of: holdfast import --from ${readers[0]?.name} ${file}` },
  );
}

/** The names that `--from` takes. */
export function readerNames(): readonly string[] {
  return readers.map(({ name }) => name);
}

function named(name: string): Reader {
  const found = readers.find((reader) => reader.name === name);
  if (found !== undefined) return found;
  throw new HoldfastError(
    "unknown-name",
    `no tool "${name}" is known${didYouMean(name, readerNames())}`,
    { hint: `the tools are: ${readerNames().join(", ")}` },
  );
}

const byExtension: Readonly<Record<string, Format>> = {
  ".toml": "toml",
  ".yaml": "yaml",
  ".yml": "yaml",
  ".json": "yaml",
  ".conf": "lines",
};

/** The formats to try: that of the name of the file, or all that the candidates have. */
function formatsFor(file: string, candidates: readonly Reader[]): readonly Format[] {
  const possible = new Set(candidates.flatMap(({ formats }) => formats));
  const ofName = byExtension[extname(file).toLowerCase()];
  if (ofName !== undefined && possible.has(ofName)) return [ofName];
  return [...possible];
}

type Attempt = { readonly root: Section; readonly report: Report; readonly lines: readonly Line[] };

function attempt(read: () => Attempt): Attempt | { readonly failure: HoldfastError } {
  try {
    return read();
  } catch (failure) {
    // A text of another format is expected to fail here; what is wrong is told when no format fits.
    if (failure instanceof HoldfastError) return { failure };
    throw failure;
  }
}

function parseAs(format: Format, { file, text }: GivenText): Attempt {
  if (format === "lines") {
    const { lines, parsed } = readLines(text);
    return { lines, ...sectionOf(file, parsed) };
  }
  const parsed = format === "toml" ? readToml(file, text) : parseYaml(file, text);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const message = "expected a map of keys and values";
    throw configInvalid(file, [{ path: [], part: "value", message, line: 1, column: 1 }]);
  }
  return { lines: [], ...sectionOf(file, parsed) };
}

function sectionOf(file: string, parsed: Parsed): Omit<Attempt, "lines"> {
  const report = new Report(file, parsed);
  return { report, root: new Section(report, { path: [], value: parsed.value }) };
}

function parseYaml(file: string, text: string): Parsed {
  const yaml = readYaml(text);
  if (yaml.problems.length > 0) {
    throw configInvalid(
      file,
      yaml.problems.map((problem) => ({ ...problem, path: [], ...yaml.locate(problem) })),
    );
  }
  const places = placesIn(text);
  return {
    value: yaml.value,
    locate: (path, part) => places(path, part) ?? yaml.locate({ path, part }),
  };
}
