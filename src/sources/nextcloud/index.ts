// Knows: that a Nextcloud can be backed up while it is in use, after seconds of maintenance. Must not know: what reads what is put together.
import { posix } from "node:path";
import * as z from "zod";
import type { PathState } from "../../hosts/host.ts";
import {
  notReady,
  type Source,
  type SourceAccess,
  type SourceSpec,
  type SourceState,
} from "../source.ts";
import { examine } from "./examine.ts";
import { groundOf } from "./ground.ts";
import { Options } from "./options.ts";
import { prepare } from "./prepare.ts";
import { reinstateNextcloud } from "./reinstate.ts";

/** A Nextcloud: how it is reached, parsed into something that can be opened. */
export const nextcloud = z
  .strictObject({
    nextcloud: Options.meta({
      description:
        "A Nextcloud: its files, its database as it was at the same moment, its configuration.",
    }),
  })
  .transform(({ nextcloud: options }): SourceSpec => ({
    kind: "paths",
    label: `nextcloud ${options.data}`,
    at: options.data,
    application: true,
    open: (access) => openNextcloud(options, access),
  }));

function openNextcloud(options: Options, access: SourceAccess): Source {
  const label = `nextcloud ${options.data}`;
  const ground = groundOf(options, access);
  const setup = { options, access };
  const observe = async (signal: AbortSignal): Promise<SourceState> => {
    const [found = { kind: "missing" }] = await access.host.inspect([ground.data], signal);
    return stateOf(ground.data, found);
  };
  return {
    label,
    paths: [posix.normalize(ground.staging)],
    observe,
    async prepare(signal) {
      const state = await observe(signal);
      if (state.kind !== "ready") throw notReady(label, state, hints);
      return await prepare(setup, signal);
    },
    examine: async (signal) => await examine(setup, signal),
    reinstate: async (wish, signal) => await reinstateNextcloud(setup, wish, signal),
  };
}

function stateOf(path: string, found: PathState): SourceState {
  switch (found.kind) {
    case "missing":
      return { kind: "missing", reason: `${path} does not exist` };
    case "unreadable":
      return { kind: "unreadable", reason: `${path} cannot be read: ${found.reason}` };
    case "file":
    case "other":
      return { kind: "unreadable", reason: `${path} is no folder` };
    case "directory":
      return found.leadsTo === undefined
        ? { kind: "ready", empty: found.empty }
        : {
            kind: "unreadable",
            reason: `${path} is a symbolic link: write the place it leads to, ${found.leadsTo}`,
          };
  }
}

const hints = {
  missing: "mount the disk it is on, or correct `data` in the configuration",
  unreadable: "run holdfast as a user that may read it, or correct `data` in the configuration",
};
