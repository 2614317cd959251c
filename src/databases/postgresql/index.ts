// Knows: what is done with a database of PostgreSQL. Must not know: what is in it, and what for.
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command } from "../../hosts/host.ts";
import type { Finding } from "../../kernel/finding.ts";
import { allRows, askForRows } from "../asking.ts";
import type { Database, DatabaseAccess, Dump, Row, ServerSettings } from "../database.ts";
import { type DumpRequest, startDump } from "../dumping.ts";
import type { Deed } from "../failures.ts";
import { readCommand } from "../files.ts";
import { findingsOf } from "../findings.ts";
import { requireWhole } from "../restoring.ts";
import type { RowBatch } from "../row-spool.ts";
import { feeding, withInput } from "../tool-command.ts";
import {
  clientCommand,
  type ClientRequest,
  dumpCommand,
  identifier,
  literal,
  versionCommand,
} from "./commands.ts";
import { explain } from "./failures.ts";
import { dropEverything } from "./replace.ts";
import { copyRows, endOfQuery } from "./rows.ts";

// Newer tools close what they opened with \restrict after the marker.
const wholeEnd = /\n-- PostgreSQL database dump complete\n--\n\n(\\unrestrict \S+\n\n)?$/;

/** One database of a server, by PostgreSQL's own tools. */
export class Postgresql implements Database {
  readonly kind = "postgresql";
  readonly label: string;
  readonly #settings: ServerSettings;
  readonly #access: DatabaseAccess;

  constructor(settings: ServerSettings, access: DatabaseAccess) {
    this.label = `PostgreSQL database "${settings.name}"`;
    this.#settings = settings;
    this.#access = access;
  }

  dump(request: DumpRequest, signal: AbortSignal): Dump {
    const { host } = this.#access;
    const stream = {
      host,
      label: this.label,
      command: this.#told(dumpCommand(this.#target)),
      provesView: afterFirstRead(),
      isWhole: ({ tail }: { readonly tail: string }) => wholeEnd.test(tail),
      explain: this.#inWords("dump"),
    };
    return startDump(stream, request, signal);
  }

  async estimate(signal: AbortSignal): Promise<number> {
    const [[bytes] = []] = await this.#all(
      `SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class
        WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')`,
      signal,
    );
    return Number(bytes ?? 0);
  }

  async restore(
    { file, into = this.#settings.name }: { readonly file: string; readonly into?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { host } = this.#access;
    await requireWhole({ host, file, isWhole: (tail) => wholeEnd.test(tail) }, signal);
    try {
      await this.#makeIfMissing(into, signal);
      // In one transaction: when anything fails, all that was there is there again.
      const options = ["--single-transaction", `--command=${dropEverything}`];
      const load = clientCommand(this.#target, { options, database: into, effect: "writes" });
      await host.pipe([feeding(readCommand(file), this.#settings.password), load], signal);
    } catch (error) {
      throw this.#inWords("restore")(error);
    }
  }

  rows(queries: readonly string[], signal: AbortSignal): AsyncGenerator<RowBatch> {
    const asked = queries.flatMap((query) => [`COPY (${query}) TO STDOUT;`, ended]);
    const text = ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;", ...asked, "COMMIT;"].join(
      "\n",
    );
    const command = this.#client(`${text}\n`, { database: this.#settings.name, effect: "reads" });
    const question = { host: this.#access.host, reader: copyRows, explain: this.#inWords("ask") };
    return askForRows({ ...question, command }, signal);
  }

  async examine(signal: AbortSignal): Promise<readonly Finding[]> {
    return await findingsOf(this.label, async () => {
      let tool: string;
      try {
        ({ stdout: tool } = await this.#access.host.run(
          this.#told(versionCommand(this.#target)),
          signal,
        ));
      } catch (error) {
        throw this.#inWords("ask")(error);
      }
      const [[version = null] = []] = await this.#all(
        "SELECT current_setting('server_version')",
        signal,
      );
      return { says: `answers, version ${version ?? "unknown"}`, doubts: tooOld(tool, version) };
    });
  }

  get #target() {
    return { settings: this.#settings, through: this.#access.through };
  }

  #inWords(deed: Deed): (error: unknown) => unknown {
    return (error) => explain(error, this.label, deed);
  }

  #told(command: Command, text?: string): Command {
    const { password } = this.#settings;
    return withInput(command, text === undefined ? { password } : { password, text });
  }

  #client(text: string, request: ClientRequest): Command {
    return this.#told(clientCommand(this.#target, request), text);
  }

  async #all(query: string, signal: AbortSignal): Promise<readonly Row[]> {
    return await allRows(this.rows([query], signal));
  }

  /** As the database of the configuration is, where there is one. */
  async #makeIfMissing(into: string, signal: AbortSignal): Promise<void> {
    const { host } = this.#access;
    if (await this.#answers(into, signal)) return;
    const { name } = this.#settings;
    const from = into !== name && (await this.#answers(name, signal)) ? name : "postgres";
    const asked = this.#client(alike(into, name), { database: from, effect: "reads" });
    const { stdout } = await host.run(asked, signal);
    const making = stdout.trim() === "" ? `CREATE DATABASE ${identifier(into)}` : stdout.trim();
    await host.run(this.#client(`${making};\n`, { database: from, effect: "writes" }), signal);
  }

  async #answers(database: string, signal: AbortSignal): Promise<boolean> {
    const asked = this.#client("SELECT 1;\n", { database, effect: "reads" });
    try {
      await this.#access.host.run(asked, signal);
      return true;
    } catch (error) {
      if (
        error instanceof CommandFailed &&
        /database .* does not exist/.test(error.result.stderr)
      ) {
        return false;
      }
      throw error;
    }
  }
}

const ended = String.raw`\echo '${endOfQuery.replace("\\", "\\\\")}'`;

// The view exists from the first query after BEGIN on. The first of these lines announces a query, each further one says
// that the queries before it were answered.
function afterFirstRead(): (line: string) => boolean {
  let seen = 0;
  return (line) => {
    if (/^pg_dump: (reading|identifying|finding|flagging) /.test(line)) seen += 1;
    return seen > 1;
  };
}

/** A statement that makes a database with the encoding and locale of another one. */
function alike(into: string, name: string): string {
  return `SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
      ${literal(into)}, pg_encoding_to_char(encoding), datcollate, datctype)
    FROM pg_database WHERE datname = ${literal(name)};\n`;
}

function tooOld(tool: string, server: string | null): readonly string[] {
  const [ours, theirs] = [/(\d+)[.\d]*/.exec(tool)?.[1], /^\d+/.exec(server ?? "")?.[0]];
  if (ours === undefined || theirs === undefined || Number(ours) >= Number(theirs)) return [];
  return [
    `pg_dump is of version ${ours} and the server of ${theirs}: it refuses newer servers; use the pg_dump of the server's own version`,
  ];
}
