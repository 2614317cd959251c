// Knows: the way from a foreign configuration to one of ours, with a report. Must not know: any tool, and files on disk.
import { join } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Config, ConfigWarning } from "../config.ts";
import { parseConfig } from "../parse.ts";
import { expandHome } from "../places.ts";
import { type FoundSecret, Imported } from "./imported.ts";
import { type GivenText, recognise, type Recognised } from "./read-file.ts";
import type { Finding } from "./report.ts";
import { writeConfig } from "./write.ts";

export type { Finding } from "./report.ts";

/** What is imported, and what its meaning depends on. */
export interface ImportRequest extends GivenText {
  /** What was said on the tool's own command line, by the name of the option without its dashes. */
  readonly settings: ReadonlyMap<string, string>;
  readonly home: string;
  readonly defaultState: string;
  readonly platform: NodeJS.Platform;
  /** The folder for files with the secrets. Default: one in the home, and they are left to be written. */
  readonly secretsDir?: string;
}

/** A secret that was found, and the file that the new configuration expects it in. */
export interface SecretPlace {
  /** Empty when it did not stand in the file, and has to be filled in by hand. */
  readonly secret: FoundSecret;
  /** As the configuration names it. */
  readonly named: string;
  /** Absolute. */
  readonly path: string;
}

/** What an import came to. */
export interface ImportResult {
  /** The name of the tool that the file is of. */
  readonly tool: string;
  /** The new configuration. It loads. */
  readonly text: string;
  /** What became of each key, in the order of the file. */
  readonly findings: readonly Finding[];
  readonly secrets: readonly SecretPlace[];
  /** What is unwise in the new configuration. */
  readonly warnings: readonly ConfigWarning[];
  /** The new configuration, loaded; volumes count as there without the marker that they do not have yet. */
  readonly unmarked: Config;
}

/**
 * Reads a foreign configuration. Pure. Throws `config-invalid` when it is broken, is of no tool that is
 * known, or says what no configuration of ours can say; `unknown-name` for a tool that is not known.
 */
export function importConfig(request: ImportRequest): ImportResult {
  const { home, settings, file } = request;
  const recognised = recognise(request);
  const { reader, report } = recognised;
  const imported = new Imported();
  reader.read({ ...recognised, imported, home, settings });
  const findings = report.finish();

  const secrets = new SecretPlaces(request);
  explainChanges(imported, findings);
  const header = [
    `Made by holdfast import from ${file.replaceAll(/[^\p{L}\p{N} ._/~-]/gu, "?")}, a configuration of ${reader.title}.`,
    "Look through it; then: holdfast config check, holdfast doctor, holdfast run --dry-run.",
  ];
  const placeOf = (secret: FoundSecret): SecretPlace => secrets.placeOf(secret);
  const text = writeConfig(imported, { header, placeOf });
  const { warnings } = loaded(request, recognised, text);
  const bare = writeConfig(withoutMarkers(imported), { header: [], placeOf });
  const unmarked = loaded(request, recognised, bare);
  return { tool: reader.name, text, findings, secrets: secrets.all, warnings, unmarked };
}

/** What is said of a change stands in the new configuration as well, where it has effect. */
function explainChanges(imported: Imported, findings: readonly Finding[]): void {
  for (const { verdict, to, message } of findings) {
    if (verdict !== "changed" || to === undefined || message === undefined) continue;
    const path = to.split(/[.[\]]+/).filter((key) => key !== "");
    imported.comment(
      path.map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
      message,
    );
  }
}

function withoutMarkers(imported: Imported): Imported {
  for (const [name] of imported.entries("volumes")) {
    imported.change("volumes", name, { marker: false });
  }
  return imported;
}

function loaded(
  { home, defaultState, platform, file }: ImportRequest,
  { reader }: Pick<Recognised, "reader">,
  text: string,
): Config {
  try {
    const source = { file: "holdfast.yaml", text, readableByOthers: false };
    return parseConfig({ ...source, home, defaultState, platform });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw new HoldfastError(
      "config-invalid",
      `${file}: what stands in this configuration of ${reader.title} makes none of holdfast: ${error.message}`,
      { hint: "change it there, or start from: holdfast config example" },
    );
  }
}

/** Gives each secret a file, equal ones the same. */
class SecretPlaces {
  readonly #folder: string;
  readonly #home: string;
  readonly #places = new Map<string, SecretPlace>();

  constructor({ secretsDir, home }: Pick<ImportRequest, "secretsDir" | "home">) {
    this.#folder = secretsDir ?? "~/.config/holdfast/secrets";
    this.#home = home;
  }

  get all(): readonly SecretPlace[] {
    return [...this.#places.values()];
  }

  placeOf(secret: FoundSecret): SecretPlace {
    const base = secret.name.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, "") || "secret";
    for (let count = 1; ; count += 1) {
      const name = count === 1 ? base : `${base}-${count}`;
      const known = this.#places.get(name);
      if (known?.secret.reveal() === secret.reveal()) return known;
      if (known !== undefined) continue;
      const named = `${this.#folder.replace(/(?<=.)\/+$/, "")}/${name}`;
      const place = { secret, named, path: join(expandHome(named, this.#home)) };
      this.#places.set(name, place);
      return place;
    }
  }
}
