// Knows: how text gets through a shell unharmed. Must not know: what the text is for.

/** One word of a POSIX shell. Anything but NUL survives. */
export function quoteWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Several words of a POSIX shell. */
export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

/**
 * A script for a POSIX `sh` as one line that every login shell hands over as it is. sh, fish and tcsh
 * agree on little more than plain letters between single quotes, so everything else is written as
 * octal numbers, which printf(1) turns back.
 */
export function lineForAnyShell(script: string): string {
  // Without something behind it, the last line feeds would get lost.
  const encoded = [...Buffer.from(`${script}\n:`)].map(encodeByte).join("");
  return `exec sh -c 'eval "$(printf %b "${encoded}")"'`;
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (/[A-Za-z0-9 _./,:;=@+-]/.test(character)) return character;
  return `\\0${byte.toString(8).padStart(3, "0")}`;
}

/**
 * What reads a script from its standard input and runs it, with the rest of that input as its own. No
 * word of the script is ever an argument there, and it may be of any length. The first line of the
 * input is the last line of the script: half a script must not run. See `scriptAsInput`.
 */
export const scriptReader = [
  "exec sh -c '",
  "IFS= read -r E || exit 255; N=$(echo; echo :); N=${N%:}; S=; L=; ",
  'while IFS= read -r L; do case "$L" in "$E") break;; esac; S=$S$L$N; done; ',
  'case "$L" in "$E") eval "$S";; *) exit 255;; esac',
  "'",
].join("");

/** The input for `scriptReader`. `end` is a line that nobody can guess. */
export function scriptAsInput(script: string, end: string): string {
  return `${end}\n${script}\n${end}\n`;
}
