// Knows: what is done with a database of SQLite. Must not know: what is in it, and what for.
import type { Command } from "../../hosts/host.ts";
import type { Finding } from "../../kernel/finding.ts";
import { allRows, askForRows } from "../asking.ts";
import type { Database, DatabaseAccess, Dump } from "../database.ts";
import { type DumpEnd, type DumpRequest, startDump } from "../dumping.ts";
import type { Deed } from "../failures.ts";
import { copyingFolder, readCommand } from "../files.ts";
import { findingsOf } from "../findings.ts";
import { requireWhole } from "../restoring.ts";
import type { RowBatch } from "../row-spool.ts";
import { feeding, withInput } from "../tool-command.ts";
import {
  clientCommand,
  dumpCommand,
  restoreCommand,
  sizeCommand,
  sizeSaid,
  viewExists,
} from "./commands.ts";
import { explain } from "./failures.ts";
import { endOfQuery, quotedRows } from "./rows.ts";

/** One file of SQLite, by its own tool. Its dump is a copy of the file. */
export class Sqlite implements Database {
  readonly kind = "sqlite";
  readonly label: string;
  readonly #file: string;
  readonly #access: DatabaseAccess;

  constructor(file: string, access: DatabaseAccess) {
    this.label = `SQLite database ${file}`;
    this.#file = file;
    this.#access = access;
  }

  dump(request: DumpRequest, signal: AbortSignal): Dump {
    const { host, through } = this.#access;
    // Inside a container there is no such folder.
    const aside =
      through.length === 0
        ? { folder: copyingFolder(request.file), isOwn: true }
        : { folder: "/tmp", isOwn: false };
    const stream = {
      host,
      label: this.label,
      command: told(dumpCommand(this.#target, aside)),
      provesView: (line: string) => line === viewExists,
      isWhole: ({ bytes, stderr }: DumpEnd) => sizeSaid.exec(stderr)?.[1] === String(bytes),
      explain: this.#inWords("dump"),
    };
    return startDump(stream, request, signal);
  }

  async estimate(signal: AbortSignal): Promise<number> {
    try {
      const { stdout } = await this.#access.host.run(told(sizeCommand(this.#target)), signal);
      return Number(stdout.trim());
    } catch (error) {
      throw this.#inWords("ask")(error);
    }
  }

  async restore(
    { file, into = this.#file }: { readonly file: string; readonly into?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { host } = this.#access;
    // Whether it is whole the tool says, before it touches anything.
    await requireWhole({ host, file, isWhole: (tail) => tail !== "" }, signal);
    try {
      const load = restoreCommand({ ...this.#target, file: into });
      await host.pipe([feeding(readCommand(file), undefined), load], signal);
    } catch (error) {
      throw this.#inWords("restore")(error);
    }
  }

  rows(queries: readonly string[], signal: AbortSignal): AsyncGenerator<RowBatch> {
    const settings = [".bail on", ".timeout 60000", ".headers off", ".mode quote", "BEGIN;"];
    const asked = queries.flatMap((query) => [`${query};`, `.print ${endOfQuery}`]);
    const text = [...settings, ...asked, "COMMIT;", ""].join("\n");
    const command = told(clientCommand(this.#target), text);
    const question = { host: this.#access.host, reader: quotedRows, explain: this.#inWords("ask") };
    return askForRows({ ...question, command }, signal);
  }

  async examine(signal: AbortSignal): Promise<readonly Finding[]> {
    return await findingsOf(this.label, async () => {
      const queries = ["SELECT sqlite_version()", "SELECT count(*) FROM sqlite_master"];
      const [[version] = []] = await allRows(this.rows(queries, signal));
      return { says: `can be read, by sqlite3 of version ${version ?? "unknown"}`, doubts: [] };
    });
  }

  get #target() {
    return { file: this.#file, through: this.#access.through };
  }

  #inWords(deed: Deed): (error: unknown) => unknown {
    return (error) => explain(error, this.label, deed);
  }
}

/** There is no password: its line is empty. */
function told(command: Command, text = ""): Command {
  return withInput(command, { password: undefined, text });
}
