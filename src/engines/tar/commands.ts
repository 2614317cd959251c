// Knows: the commands of tar, compressors and ciphers. Pure. Must not know: when they are run.
import { join } from "node:path";
import type { Command } from "../../hosts/host.ts";
import type { PreparedPaths } from "../../kernel/prepared-source.ts";
import type { Secret } from "../../kernel/secret.ts";
import type { Selection } from "../engine.ts";
import { excludeOptions, memberNamed, namingFor, rootFor } from "./members.ts";
import { type Compression, keyCheckFile, markerFile } from "./names.ts";

/** tar says so every so many records of 10,240 bytes. */
const recordsPerCheckpoint = 1024;
export const bytesPerRecord = 10_240;

// Messages are read, so they must not be translated.
const plainWords = { LC_ALL: "C" };

/** Reads paths into an archive on standard output, and keeps the state of what it read. */
export function createCommand(options: {
  readonly source: Pick<PreparedPaths, "paths" | "root">;
  readonly selection: Selection;
  readonly state: string;
  readonly full: boolean;
}): Command {
  const { source, selection, state, full } = options;
  const root = rootFor(source);
  const naming = namingFor(source);
  return {
    argv: [
      "tar",
      "--create",
      "--file=-",
      // Times to the nanosecond, long names, xattrs and ACLs need it; times that differ with every read do not belong.
      "--format=posix",
      "--pax-option=delete=atime,delete=ctime",
      "--xattrs",
      "--acls",
      "--sparse",
      `--listed-incremental=${state}`,
      // A snapshot of a btrfs is another device every time. (Folders of a base have none: see `state.ts`.)
      "--no-check-device",
      ...(full ? ["--level=0"] : []),
      ...(selection.oneFileSystem ? ["--one-file-system"] : []),
      ...(selection.ignoreCase ? ["--ignore-case"] : []),
      ...selection.exclude.flatMap((pattern) => excludeOptions(pattern, root)),
      ...selection.excludeFiles.map((file) => `--exclude-from=${file}`),
      ...selection.excludeIfPresent.map((file) => `--exclude-tag=${file}`),
      "-vv",
      "--quoting-style=escape",
      `--checkpoint=${recordsPerCheckpoint}`,
      "--checkpoint-action=echo=checkpoint %u",
      `--directory=${root ?? "/"}`,
      "--null",
      "--verbatim-files-from",
      "--files-from=-",
    ],
    stdin: source.paths.map((path) => `${memberNamed(path, naming)}\0`).join(""),
    env: plainWords,
    // One that could not be read, or changed meanwhile: what it said of that is read.
    okExits: [0, 1, 2],
    effect: "writes",
  };
}

/** What compresses a stream; nothing for `none`. */
export function compressCommand(compress: Compression, pigz: boolean): readonly Command[] {
  const argv = {
    none: undefined,
    gzip: [pigz ? "pigz" : "gzip", "--stdout"] as const,
    zstd: ["zstd", "--threads=0", "--quiet", "--stdout"] as const,
  }[compress];
  return argv === undefined ? [] : [{ argv, effect: "writes" }];
}

export function decompressCommand(compress: Compression): readonly Command[] {
  const argv = {
    none: undefined,
    gzip: ["gzip", "--decompress", "--stdout"] as const,
    zstd: ["zstd", "--decompress", "--quiet", "--stdout"] as const,
  }[compress];
  return argv === undefined ? [] : [{ argv, effect: "reads" }];
}

/** How a stream is encrypted, with the secret that takes. */
export type Cipher =
  | { readonly kind: "none" }
  | { readonly kind: "gpg-symmetric"; readonly passphrase: Secret }
  | { readonly kind: "gpg-recipients"; readonly recipients: readonly string[] }
  | { readonly kind: "age"; readonly recipients: readonly string[]; readonly identity?: string };

// gpg takes a passphrase from a descriptor or a file only. This way it is in no argument and in no file,
// and standard input stays what it was.
const withPassphrase =
  'exec 4<&0; printf %s "$HOLDFAST_PASSPHRASE" | { exec gpg "$@" --passphrase-fd 3 3<&0 <&4; }';

// Without keys of its own gpg needs no home, no agent and no file: it leaves nothing behind.
const symmetricGpg = [
  "--homedir",
  "/",
  "--no-options",
  "--no-keyring",
  "--no-random-seed-file",
  "--lock-never",
  "--no-permission-warning",
  "--no-autostart",
  "--pinentry-mode",
  "loopback",
] as const;
const quietGpg = ["--batch", "--no-tty", "--quiet", "--yes"] as const;

export function encryptCommand(cipher: Cipher): readonly Command[] {
  switch (cipher.kind) {
    case "none":
      return [];
    case "gpg-symmetric": {
      // The largest count there is. Finding out how many this machine manages would start an agent.
      const words = [
        "--cipher-algo",
        "AES256",
        "--s2k-count",
        "65011712",
        "--compress-algo",
        "none",
      ];
      return [symmetric([...words, "--symmetric"], cipher.passphrase)];
    }
    case "gpg-recipients": {
      const to = cipher.recipients.flatMap((recipient) => ["--recipient", recipient]);
      const words = [...quietGpg, "--trust-model", "always", "--compress-algo", "none"];
      return [{ argv: ["gpg", ...words, ...to, "--encrypt"], effect: "writes" }];
    }
    case "age": {
      const to = cipher.recipients.flatMap((recipient) => ["--recipient", recipient]);
      return [{ argv: ["age", "--encrypt", ...to], effect: "writes" }];
    }
  }
}

/** The other way round. An archive that was encrypted otherwise than new ones are is opened by its own means. */
export function decryptCommand(
  encrypted: "none" | "gpg" | "age",
  cipher: Cipher,
): readonly Command[] {
  switch (encrypted) {
    case "none":
      return [];
    case "gpg":
      if (cipher.kind === "gpg-symmetric") return [symmetric(["--decrypt"], cipher.passphrase)];
      return [{ argv: ["gpg", ...quietGpg, "--decrypt"], effect: "reads" }];
    case "age": {
      const identity = cipher.kind === "age" ? cipher.identity : undefined;
      const words = identity === undefined ? [] : ["--identity", identity];
      return [{ argv: ["age", "--decrypt", ...words], effect: "reads" }];
    }
  }
}

function symmetric(words: readonly string[], passphrase: Secret): Command {
  return {
    argv: ["sh", "-c", withPassphrase, "gpg", ...symmetricGpg, ...quietGpg, ...words],
    env: { HOLDFAST_PASSPHRASE: passphrase },
    effect: words.includes("--decrypt") ? "reads" : "writes",
  };
}

/** Writes a stream to a file and says its hash on standard output. */
export function storeCommands(file: string): readonly Command[] {
  return [
    { argv: ["tee", "--output-error=exit", "--", file], effect: "writes" },
    { argv: ["sha256sum", "--binary"], effect: "writes" },
  ];
}

/** Reads an archive and checks nothing but that it can be read. */
export function listMembersCommand(): Command {
  return {
    argv: [
      "tar",
      "--list",
      "--file=-",
      "--quoting-style=escape",
      "-vv",
      "--full-time",
      "--incremental",
    ],
    env: plainWords,
    effect: "reads",
  };
}

/**
 * Puts an archive, or these members of it, into a directory; what had been removed when it was made is
 * removed there, in the folders that are extracted.
 */
export function extractCommand(target: string, members: readonly string[]): Command {
  // A byte that is no UTF-8 cannot be written here; it was shown as this one and may be any.
  const isExact = members.every((member) => !member.includes("\uFFFD"));
  return {
    argv: [
      "tar",
      "--extract",
      "--file=-",
      "--listed-incremental=/dev/null",
      "--preserve-permissions",
      "--xattrs",
      "--xattrs-include=*",
      "--acls",
      `--directory=${target}`,
      // What it says of a file is one line, whatever its name.
      "--quoting-style=escape",
      "--warning=no-timestamp",
      "--no-unquote",
      isExact ? "--no-wildcards" : "--wildcards",
      "--",
      ...(isExact ? members : members.map(asPattern)),
    ],
    env: plainWords,
    okExits: [0, 1, 2],
    effect: "writes",
  };
}

function asPattern(member: string): string {
  return member.replaceAll(/[*?[\]\\]/g, String.raw`\$&`).replaceAll("\uFFFD", "*");
}

/** What makes a folder a repository. */
export function initCommands(location: string): readonly Command[] {
  const marker = join(location, markerFile);
  return [
    { argv: ["mkdir", "--parents", "--mode=0700", "--", location], effect: "writes" },
    {
      argv: ["dd", `of=${marker}`, "status=none"],
      stdin: `${JSON.stringify({ version: 1 })}\n`,
      effect: "writes",
    },
  ];
}

/** Seals something small that the passphrase opens, and gives it its name when it is whole. */
export function keyCheckCommands(
  location: string,
  cipher: Cipher,
): { readonly seal: readonly Command[]; readonly name: Command } {
  const file = join(location, keyCheckFile);
  const hidden = `${file}.new`;
  const [first, ...rest] = encryptCommand(cipher);
  const sealed = first === undefined ? [] : [{ ...first, stdin: "holdfast\n" }, ...rest];
  const write: Command = { argv: ["dd", `of=${hidden}`, "status=none"], effect: "writes" };
  return {
    seal: [...sealed, write],
    name: { argv: ["mv", "--no-target-directory", "--", hidden, file], effect: "writes" },
  };
}

export function removeCommand(files: readonly string[]): Command {
  return { argv: ["rm", "--force", "--", ...files], effect: "writes" };
}

/** How the name of an archive says that it is encrypted. */
export function encryptionOf({ kind }: Cipher): "none" | "gpg" | "age" {
  if (kind === "none") return "none";
  return kind === "age" ? "age" : "gpg";
}
