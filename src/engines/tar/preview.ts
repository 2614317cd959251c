// Knows: which commands a verb stands for, before anybody has looked. Pure. Must not know: what will be found.
import { join } from "node:path";
import type { Command } from "../../hosts/host.ts";
import { Secret } from "../../kernel/secret.ts";
import type { BackupRequest, PlannedVerb, RestoreRequest } from "../engine.ts";
import { archivePipeline, beforeCommands, manifestCommand, publishCommands } from "./backup.ts";
import {
  type Cipher,
  encryptionOf,
  extractCommand,
  initCommands,
  keyCheckCommands,
  removeCommand,
} from "./commands.ts";
import { appendCommands, publishCommand } from "./copy.ts";
import { memberNamed, namingFor } from "./members.ts";
import { manifestFile, newArchiveName, parseArchiveName, stateFile } from "./names.ts";
import type { Options } from "./options.ts";
import type { Folder } from "./store.ts";

/**
 * The commands that a verb would run now, those left out that only read. Whether an archive becomes a full
 * or a differential one shows when the folder is looked into: here it is a full one.
 */
export function previewCommands(
  planned: PlannedVerb,
  options: Options,
  folder: Folder,
): readonly Command[] {
  switch (planned.verb) {
    case "init":
      return initCommands(folder.path);
    case "backup":
      return backupCommands(planned.request, options, folder);
    case "copy":
      return planned.snapshots.flatMap(({ id, kind }) => {
        const file = fileOf(id, options);
        const beside = kind === "full" ? [stateFile(id)] : [];
        return [...beside, manifestFile(id), file].flatMap((each) => [
          ...appendCommands({ from: planned.from.location, to: folder.path, file: each, there: 0 }),
          ...publishCommand(folder.path, each),
        ]);
      });
    case "forget":
      return planned.ids.flatMap((id) => {
        const beside = [...(id.endsWith("-full") ? [stateFile(id)] : []), manifestFile(id)];
        return [fileOf(id, options), ...beside].map((file) =>
          removeCommand([join(folder.path, file)]),
        );
      });
    case "restore":
      return restoreCommands(planned.request);
    case "prune":
    case "check":
      return [];
  }
}

function backupCommands(
  request: BackupRequest,
  options: Options,
  { path }: Folder,
): readonly Command[] {
  const cipher = shownCipher(options);
  const now = new Date();
  const { compress } = options;
  const encrypt = encryptionOf(cipher);
  const name = newArchiveName({ kind: "full", now, compress, encrypt, taken: new Set() });
  const { source } = request;
  if (source.kind !== "paths") return [];
  const { seal, name: nameSeal } = keyCheckCommands(path, cipher);
  return [
    ...(cipher.kind === "gpg-symmetric" ? [...seal, nameSeal] : []),
    ...beforeCommands(path, []),
    ...archivePipeline(path, {
      name,
      request,
      source,
      naming: namingFor(source),
      cipher,
      pigz: true,
    }),
    manifestCommand(path, ""),
    ...publishCommands(path, name),
  ];
}

function restoreCommands({ target, include, paths = [] }: RestoreRequest): readonly Command[] {
  // How members are named stands in the manifest, which nobody has read: as they are ordinarily.
  const members = include.map((path) => memberNamed(path, namingFor({ paths })));
  return [
    { argv: ["mkdir", "--parents", "--mode=0700", "--", target], effect: "writes" },
    extractCommand(target, members),
  ];
}

/** The archive of an id, if it was made with today's options. */
function fileOf(id: string, { compress, encrypt }: Options): string {
  const zip = { none: "", gzip: ".gz", zstd: ".zst" }[compress];
  const lock = encrypt === undefined ? "" : "age" in encrypt ? ".age" : ".gpg";
  const file = `${id}.tar${zip}${lock}`;
  return parseArchiveName(file)?.file ?? file;
}

/** As the real one, but for its secret, which is not fetched to be shown. */
export function shownCipher({ encrypt }: Options): Cipher {
  if (encrypt === undefined) return { kind: "none" };
  if ("age" in encrypt) {
    const { recipients, identity } = encrypt.age;
    return { kind: "age", recipients, ...(identity === undefined ? {} : { identity }) };
  }
  if ("recipients" in encrypt.gpg) {
    return { kind: "gpg-recipients", recipients: encrypt.gpg.recipients };
  }
  return { kind: "gpg-symmetric", passphrase: new Secret("***") };
}
