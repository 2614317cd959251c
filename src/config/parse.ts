// Knows: the way from the text of a configuration to the configuration. Must not know: files and permissions.
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";
import { assemble } from "./assemble.ts";
import type { Checked } from "./checked.ts";
import { contradictions, doubts } from "./checks.ts";
import type { Config, ConfigWarning } from "./config.ts";
import { readDraft } from "./draft.ts";
import { placeAll } from "./placements.ts";
import { expandHome } from "./places.ts";
import { type KeyPath, type Problem, configInvalid, formatKeyPath } from "./problem.ts";
import { ConfigFile } from "./schema.ts";
import { schemasAt, secretDepth, secretsIn, valueAt } from "./schema-tree.ts";
import { type YamlText, readYaml } from "./yaml-text.ts";

/** The text of a configuration, and what its meaning depends on. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
  /** Other users of this machine can read the file. */
  readonly readableByOthers: boolean;
  /** What `~` means. */
  readonly home: string;
  readonly defaultState: string;
  readonly platform: NodeJS.Platform;
}

/**
 * Reads and checks a configuration. Pure. Throws `config-invalid`, which names everything that is
 * wrong with its line and column.
 */
export function parseConfig(source: ConfigText): Config {
  const { file, home, platform } = source;
  const yaml = readYaml(source.text);
  const value = withVolumesAtHome(withoutEmptySections(yaml.value), home);
  if (yaml.clear && (value === undefined || value === null)) throw empty(file);
  const notation = yaml.problems.map((problem) => ({ ...problem, path: knownPart(problem.path) }));
  if (!yaml.clear) throw invalid(source, yaml, notation);

  const read = readDraft(value);
  const placements = placeAll(read.draft, home);
  const checked: Checked = { draft: read.draft, placements, home, platform };
  const problems = firstOfEachKey([
    ...notation,
    ...(read.whole ? [] : read.problems),
    ...contradictions(checked),
  ]);
  if (!read.whole || problems.length > 0) {
    // Known to `redact` from here on, also where the rest of its entry could not be read.
    for (const { value: secret } of secretsIn(ConfigFile, value)) {
      if (typeof secret === "string") void new Secret(secret);
    }
    throw invalid(source, yaml, problems);
  }

  const warnings = [
    ...doubts(checked),
    ...(source.readableByOthers ? exposedSecrets(file, value) : []),
  ];
  return assemble({
    file,
    draft: read.draft,
    placements,
    home,
    defaultState: source.defaultState,
    secretVariables: secretVariables(value),
    warnings: warnings.map((warning) => warningOf(warning, yaml)),
  });
}

// What is badly written can turn values into keys, and a value can be a secret.
function knownPart(path: KeyPath): KeyPath {
  const secret = secretDepth(ConfigFile, path, undefined) ?? path.length;
  const unknown = path.findIndex(
    (_, index) => schemasAt(ConfigFile, path.slice(0, index + 1), undefined).length === 0,
  );
  return path.slice(0, unknown < 0 ? secret : Math.min(secret, unknown));
}

/** Of what is wrong with one value only the first: what its own schema refused needs no second complaint. */
function firstOfEachKey(problems: readonly Problem[]): readonly Problem[] {
  const byKey = Map.groupBy(problems, ({ path }) => JSON.stringify(path));
  return [...byKey.values()].flatMap((group) => group.slice(0, 1));
}

// `jobs:` with everything below it commented out means that there are none.
function withoutEmptySections(value: unknown): unknown {
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}

// A volume keeps its path to itself, so `~` must be gone before it is parsed. On another machine it
// would mean something else, and is refused.
function withVolumesAtHome(value: unknown, home: string): unknown {
  if (!isMap(value) || !isMap(value["volumes"])) return value;
  const volumes = Object.entries(value["volumes"]).map(([name, volume]): [string, unknown] =>
    isMap(volume) && typeof volume["path"] === "string" && volume["host"] === undefined
      ? [name, { ...volume, path: expandHome(volume["path"], home) }]
      : [name, volume],
  );
  return { ...value, volumes: Object.fromEntries(volumes) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function empty(file: string): HoldfastError {
  return new HoldfastError("config-invalid", `${file}:1:1: the configuration is empty`, {
    hint: `holdfast config example > ${file}`,
  });
}

function invalid(
  { file }: ConfigText,
  yaml: YamlText,
  problems: readonly Problem[],
): HoldfastError {
  return configInvalid(
    file,
    problems.map((problem) => ({ ...problem, ...yaml.locate(problem) })),
  );
}

function warningOf(problem: Problem, yaml: YamlText): ConfigWarning {
  const { path, message, hint } = problem;
  return {
    message: `${formatKeyPath(path)}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
    ...yaml.locate(problem),
  };
}

/** The environment variables that are named as secrets, each once. */
function secretVariables(value: unknown): readonly string[] {
  const names = secretsIn(ConfigFile, value).map((place) => valueAt(place.value, ["env"]));
  return [...new Set(names.filter((name) => typeof name === "string"))];
}

/** Secrets that stand in the file as they are. */
function exposedSecrets(file: string, value: unknown): readonly Problem[] {
  const plain = secretsIn(ConfigFile, value).filter(
    (place) =>
      typeof place.value === "string" && (place.certain || soundsSecret(place.path.at(-1))),
  );
  return plain.map(({ path }) => ({
    path,
    part: "value" as const,
    message: "the secret itself stands in the file, and other users can read the file",
    hint: `chmod 600 ${file}; or put the secret into a file of its own and write { file: PATH }`,
  }));
}

// Among environment variables most values are none.
function soundsSecret(name: string | number | undefined): boolean {
  return /SECRET|PASSWORD|PASSPHRASE|TOKEN|CREDENTIAL|KEY$/i.test(String(name));
}
