// Knows: how a repository of tar archives is configured. Must not know: what is done with it.
import * as z from "zod";
import { Duration } from "../../kernel/duration.ts";
import { SecretReference } from "../../kernel/secret-reference.ts";
import { commonRepositoryShape } from "../engine.ts";

// A word that a tool could take for an option of its own is no recipient.
const Recipient = z.string().regex(/^[^\s-]\S*$/, {
  error: "a recipient is one word that does not begin with a dash",
});

const Gpg = z.union([
  z.strictObject({
    passphrase: SecretReference.meta({
      description:
        "Encrypts symmetrically with AES-256. There is no way into an archive without it.",
    }),
  }),
  z.strictObject({
    recipients: z
      .array(Recipient)
      .min(1)
      .meta({
        description:
          "Keys of the keyring of the user that runs Holdfast. Only who has the secret key of one can restore.",
        examples: [["0xA1B2C3D4E5F60718"]],
      }),
  }),
]);

const Age = z.strictObject({
  recipients: z
    .array(Recipient)
    .min(1)
    .meta({
      description: "Public keys of age or ssh. Only who has the secret key of one can restore.",
      examples: [["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]],
    }),
  identity: z
    .string()
    .startsWith("/")
    .optional()
    .meta({
      description: "The file with the secret key, absolute. Needed to check and to restore.",
      examples: ["/root/age.key"],
    }),
});

/** How archives are encrypted: not at all, by gpg, or by age. */
const Encryption = z.union([
  z.strictObject({ gpg: Gpg.meta({ description: "By GnuPG." }) }),
  z.strictObject({ age: Age.meta({ description: "By age." }) }),
]);
export type Encryption = z.output<typeof Encryption>;

/** Everything that can be said of a repository of archives. */
export const Options = z.strictObject({
  engine: z
    .literal("tar")
    .meta({ description: "Archives of GNU tar: full ones, and differential ones in between." }),
  ...commonRepositoryShape,
  "full-every": Duration.prefault("7d").meta({
    description:
      "A full archive is made when the newest is older than this; in between, each archive holds what has changed since the newest full one. Default: 7d.",
    examples: ["7d"],
  }),
  compress: z.enum(["none", "gzip", "zstd"]).default("zstd").meta({
    description:
      "How archives are compressed. gzip uses pigz where it is installed. Default: zstd.",
  }),
  encrypt: Encryption.optional().meta({
    description:
      "How archives are encrypted. Nothing reaches the disk in clear, not even for a moment.",
    examples: [{ gpg: { passphrase: { file: "~/.config/holdfast/archives.key" } } }],
  }),
});
export type Options = z.output<typeof Options>;
