// Knows: text that must never be shown. Must not know: where it came from.
import { inspect } from "node:util";

/** Every secret text of this process, so that `redact` finds it in what a tool prints. */
const known = new Set<string>();

// Shorter texts would turn up by chance in ordinary output and make it unreadable.
const shortestToRedact = 4;

/**
 * Text that must never be shown. Prints as `***` everywhere (string, JSON, inspect); only
 * `reveal()` gives it back. Creating one makes its text known to `redact`.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (const line of [text, ...text.split("\n")]) {
      if (line.trim().length >= shortestToRedact) known.add(line.trim());
    }
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "***";
  }
}

/** Replaces every known secret in a text by `***`, the longest first. */
export function redact(text: string): string {
  let redacted = text;
  for (const secret of [...known].toSorted((a, b) => b.length - a.length)) {
    // As it is, inside a URL, and inside a text in JSON.
    const forms = [
      secret,
      encodeURIComponent(secret.toWellFormed()),
      JSON.stringify(secret).slice(1, -1),
    ];
    for (const form of new Set(forms)) redacted = redacted.replaceAll(form, "***");
  }
  return redacted;
}
