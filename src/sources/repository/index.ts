// Knows: that the newest snapshot of another job's repository can be backed up further. Must not know: which engine made it.
import * as z from "zod";
import { HoldfastError } from "../../kernel/errors.ts";
import type { PreparedPaths } from "../../kernel/prepared-source.ts";
import type { Source, SourceAccess, SourceSpec, SourceState } from "../source.ts";

/** The newest snapshot of a repository: its name, parsed into something that can be opened. */
export const repository = z
  .strictObject({
    repository: z
      .string()
      .min(1)
      .meta({
        description:
          "A repository of another job, whose newest snapshot is backed up further. This job then runs after that one.",
        examples: ["photos"],
      }),
  })
  .transform(({ repository: name }): SourceSpec => ({
    kind: "paths",
    label: `repository ${name}`,
    at: name,
    repository: true,
    open: (access) => openNewest(name, access),
  }));

function openNewest(name: string, { newestSnapshot }: SourceAccess): Source {
  const reason = `repository "${name}" holds no snapshot yet`;
  return {
    label: `repository ${name}`,
    // It is another folder for every snapshot.
    paths: [],
    async observe(signal): Promise<SourceState> {
      const path = await newestSnapshot(signal);
      return path === undefined ? { kind: "missing", reason } : { kind: "ready", empty: false };
    },
    async prepare(signal): Promise<PreparedPaths> {
      const path = await newestSnapshot(signal);
      if (path !== undefined) {
        // Snapshots do not change, so nothing has to be held, and nothing is to be put back.
        return { kind: "paths", paths: [path], [Symbol.asyncDispose]: async () => {} };
      }
      const hint = "run the job that backs up to it first";
      throw new HoldfastError("source-missing", reason, { hint });
    },
  };
}
