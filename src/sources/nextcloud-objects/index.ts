// Knows: that the files of a Nextcloud can be read from its store of objects. Must not know: who keeps them.
import * as z from "zod";
import { openDatabase } from "../../databases/index.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { PreparedObjects } from "../../kernel/prepared-source.ts";
import { examineStore, openStore } from "../../s3/index.ts";
import { planReinstatement } from "../objects-reinstatement.ts";
import {
  notReady,
  type Source,
  type SourceAccess,
  type SourceSpec,
  type SourceState,
} from "../source.ts";
import { Options } from "./options.ts";
import { prepareObjects } from "./prepared.ts";
import { findSetting, openView } from "./setting.ts";

/** Files of a Nextcloud that keeps them in S3: parsed into something that can be opened. */
export const nextcloudObjects = z
  .strictObject({
    "nextcloud-objects": Options.meta({
      description:
        "Files of a Nextcloud whose primary storage is S3, under the names that people know them by. The only source of its job.",
    }),
  })
  .transform(({ "nextcloud-objects": options }): SourceSpec => {
    const place = placeOf(options);
    const name = place ?? options.s3.bucket ?? "its occ";
    return {
      kind: "objects",
      label: `nextcloud-objects ${name}`,
      at: name,
      ...(place === undefined && { placeless: true }),
      open: (access) => openObjects(options, `nextcloud-objects ${name}`, access),
    };
  });

/** Where it is read from on a machine; nothing where it is reached by commands and addresses alone. */
function placeOf({ config, database }: Options): string | undefined {
  return config ?? ("dump" in database ? database.dump : undefined);
}

function openObjects(options: Options, label: string, access: SourceAccess): Source {
  const observe = async (signal: AbortSignal): Promise<SourceState> =>
    placeOf(options) === undefined
      ? { kind: "ready", empty: false }
      : await stateAt(access, signal);
  const through = "dump" in options.database ? [] : options.database.through;
  return {
    label,
    paths: [],
    observe,
    async prepare(signal): Promise<PreparedObjects> {
      const state = await observe(signal);
      if (state.kind !== "ready") throw notReady(label, state, hints);
      const setting = await findSetting(options, access, signal);
      const view = await openView(setting, { host: access.host, through }, signal);
      const { keyPrefix } = setting;
      return prepareObjects({ view, store: openStore(setting.store), keyPrefix, options });
    },
    async reinstate(wish, signal) {
      const setting = await findSetting(options, access, signal);
      const { keyPrefix } = setting;
      const target = { store: openStore(setting.store), keyPrefix, keys: `${keyPrefix}NUMBER` };
      return await planReinstatement({ ...target, belongings }, wish, signal);
    },
    async examine(signal): Promise<readonly Finding[]> {
      const setting = await findSetting(options, access, signal);
      const found = await examineStore(setting.store, { prefix: setting.keyPrefix, label }, signal);
      if ("dump" in setting.database) return found;
      const database = openDatabase(setting.database, { host: access.host, through });
      return [...found, ...(await database.examine(signal))];
    },
  };
}

async function stateAt(
  { host, location }: SourceAccess,
  signal: AbortSignal,
): Promise<SourceState> {
  const [found = { kind: "missing" }] = await host.inspect([location], signal);
  if (found.kind === "missing") return { kind: "missing", reason: `${location} does not exist` };
  if (found.kind === "unreadable") {
    return { kind: "unreadable", reason: `${location} cannot be read: ${found.reason}` };
  }
  return { kind: "ready", empty: false };
}

const hints = {
  missing: "correct config, or the path of the dump",
  unreadable: "let the user that runs holdfast read it, or name occ in place of config",
};

const belongings = {
  warning:
    "objects and rows belong together: restore the database as it was at the moment of this snapshot",
  next: [
    "restore the database as it was at the moment of this snapshot, if it is not there",
    "then let Nextcloud look at it: occ maintenance:data-fingerprint",
  ],
};
