// Knows: what is done with a database of MariaDB or MySQL. Must not know: what is in it, and what for.
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
import { xmlRows } from "./rows.ts";

const viewExists = "-- Retrieving table structure for table";
const wholeEnd = /\n-- Dump completed( on [^\n]*)?\n$/;

/** One database of a server, by MariaDB's own tools. */
export class Mariadb implements Database {
  readonly kind = "mariadb";
  readonly label: string;
  readonly #settings: ServerSettings;
  readonly #access: DatabaseAccess;

  constructor(settings: ServerSettings, access: DatabaseAccess) {
    this.label = `MariaDB database "${settings.name}"`;
    this.#settings = settings;
    this.#access = access;
  }

  dump(request: DumpRequest, signal: AbortSignal): Dump {
    const { host } = this.#access;
    const stream = {
      host,
      label: this.label,
      command: this.#told(dumpCommand(this.#target)),
      provesView: (line: string) => line.startsWith(viewExists),
      isWhole: ({ tail }: { readonly tail: string }) => wholeEnd.test(tail),
      explain: this.#inWords("dump"),
      notes: async (inTime: AbortSignal) => await this.#doubts(inTime),
    };
    return startDump(stream, request, signal);
  }

  async estimate(signal: AbortSignal): Promise<number> {
    const [[bytes] = []] = await this.#all(
      `SELECT SUM(data_length) FROM information_schema.tables WHERE table_schema = ${this.#name}`,
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
      const { stdout } = await host.run(this.#client(this.#charset, plainly), signal);
      const characters = stdout.trim() === "" ? "CHARACTER SET utf8mb4" : stdout.trim();
      const name = identifier(into);
      const anew = `DROP DATABASE IF EXISTS ${name};\nCREATE DATABASE ${name} ${characters};\n`;
      await host.run(this.#client(anew, { effect: "writes" }), signal);
      const load = clientCommand(this.#target, { database: into, effect: "writes" });
      await host.pipe([feeding(readCommand(file), this.#settings.password), load], signal);
    } catch (error) {
      throw this.#inWords("restore")(error);
    }
  }

  rows(queries: readonly string[], signal: AbortSignal): AsyncGenerator<RowBatch> {
    const view = [
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
      "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ];
    const text = [...view, ...queries, "COMMIT"].map((statement) => `${statement};\n`).join("");
    const options = ["--xml", "--quick"];
    const request = { options, database: this.#settings.name, effect: "reads" } as const;
    const command = this.#client(text, request);
    const question = { host: this.#access.host, reader: xmlRows, explain: this.#inWords("ask") };
    return askForRows({ ...question, command }, signal);
  }

  async examine(signal: AbortSignal): Promise<readonly Finding[]> {
    return await findingsOf(this.label, async () => {
      try {
        await this.#access.host.run(this.#told(versionCommand(this.#target)), signal);
      } catch (error) {
        throw this.#inWords("ask")(error);
      }
      const [[version] = []] = await this.#all("SELECT VERSION()", signal);
      return {
        says: `answers, version ${version ?? "unknown"}`,
        doubts: await this.#doubts(signal),
      };
    });
  }

  get #target() {
    return { settings: this.#settings, through: this.#access.through };
  }

  get #name(): string {
    return literal(this.#settings.name);
  }

  get #charset(): string {
    return `SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
      FROM information_schema.schemata WHERE schema_name = ${this.#name};`;
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

  /** Tables that are not part of the one view. */
  async #doubts(signal: AbortSignal): Promise<readonly string[]> {
    const rows = await this.#all(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = ${this.#name}
        AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' ORDER BY table_name`,
      signal,
    );
    if (rows.length === 0) return [];
    const [first = ""] = rows.flat();
    const which =
      rows.length === 1 ? `table ${first} is` : `${rows.length} tables, such as ${first}, are`;
    return [
      `${which} of no engine with transactions: what is written to it during a dump may be in it by half`,
    ];
  }
}

const plainly: ClientRequest = { options: ["--skip-column-names"], effect: "reads" };
