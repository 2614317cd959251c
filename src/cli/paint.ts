// Knows: which colours mean what, and when there may be any. Must not know: what is painted.

/** Puts text in a colour, or leaves it as it is. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

/** For pipes, files and people who want no colours. */
export const plain: Paint = {
  bold: asItIs,
  dim: asItIs,
  red: asItIs,
  green: asItIs,
  yellow: asItIs,
};

/** For terminals. */
export const coloured: Paint = {
  bold: between(1, 22),
  dim: between(2, 22),
  red: between(31, 39),
  green: between(32, 39),
  yellow: between(33, 39),
};

function asItIs(text: string): string {
  return text;
}

function between(open: number, close: number): (text: string) => string {
  return (text) => `\u001B[${open}m${text}\u001B[${close}m`;
}

/** What decides about colours besides `--no-color`. */
export interface ColourFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: boolean;
}

/**
 * Whether to use colours: NO_COLOR (https://no-color.org) wins over FORCE_COLOR, which wins over
 * whether it is a terminal that can show any.
 */
export function wantsColour({ env, terminal }: ColourFacts): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  return terminal && env["TERM"] !== "dumb";
}
