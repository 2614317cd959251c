// Knows: secrets that can be found again wherever they turn up. Must not know: where they are looked for.

// In every canary, and in nothing else. Letters and digits: the same in a URL, in JSON and in a shell.
const core = "Zxq9CanaryOfHoldfast";

/** A secret for one field. What follows the name may need quoting or encoding somewhere. */
export function canary(field: string, more = ""): string {
  return `${core}-${field}${more}`;
}

/** The canaries in a text or file, plain or in a usual encoding, each with what stands around it. */
export function canariesIn(content: string | Uint8Array): readonly string[] {
  const text = typeof content === "string" ? content : Buffer.from(content).toString("latin1");
  return forms.flatMap((form) => {
    const at = text.indexOf(form);
    return at === -1 ? [] : [text.slice(Math.max(0, at - 200), at + 100)];
  });
}

const forms: readonly string[] = [
  core,
  core.toLowerCase(),
  core.toUpperCase(),
  Buffer.from(core).toString("hex"),
  Buffer.from(core).toString("hex").toUpperCase(),
  ...[0, 1, 2].map(base64After),
];

/** What base64 makes of it after so many other bytes, without the characters that depend on neighbours. */
function base64After(offset: number): string {
  const encoded = Buffer.from("x".repeat(offset) + core).toString("base64");
  return encoded.replace(/=+$/, "").slice(Math.ceil((offset * 4) / 3), -1);
}
