// Knows: the ways a configuration can point at a secret. Must not know: how one is fetched (config/secrets).
import * as z from "zod";
import { Secret } from "./secret.ts";

/**
 * Where a secret is kept. A plain string is the secret itself: accepted, because everybody starts
 * so, with a warning when other users can read the configuration.
 */
export const SecretReference = z
  .union([
    z.string().min(1),
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({ env: z.string().min(1) }),
    z.strictObject({ command: z.array(z.string()).min(1) }),
    z.strictObject({ keyring: z.string().min(1) }),
    z.strictObject({ credential: z.string().min(1) }),
  ])
  .transform((input) => (typeof input === "string" ? { text: new Secret(input) } : input))
  .meta({
    description:
      "A secret: { file: PATH }, { env: NAME }, { command: [ARGV] }, { keyring: NAME }, { credential: NAME } (systemd), or the text itself.",
    examples: [{ file: "~/.config/holdfast/restic.key" }, { env: "RESTIC_PASSWORD" }],
  });
export type SecretReference = z.output<typeof SecretReference>;

/** Fetches a secret. Throws `secret-unavailable`, which names the reference and never its text. */
export type ResolveSecret = (reference: SecretReference, signal: AbortSignal) => Promise<Secret>;
