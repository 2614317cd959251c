// Knows: where in a dump the rows of some tables are. Must not know: what they are for.
import type { Row } from "../../../databases/database.ts";
import type { LineReader } from "./lines.ts";
import { BrokenDump, readTuples } from "./mariadb-values.ts";
import { readCopy, readCopyRow } from "./postgresql-copy.ts";

/** Rows of one table, with their columns in the order of the row. */
export type TakeRow = (table: string, columns: readonly string[], row: Row) => void;

const insert = /^(?:INSERT(?: IGNORE)?|REPLACE) INTO `((?:[^`]|``)+)`(?: \(([^)]*)\))? VALUES */;
// As pg_dump writes them when it is told to.
const plainInsert = /^INSERT INTO (?:(?:"(?:[^"]|"")+"|[^\s".`]+)\.)?"?([^\s"`(]+)"?[ (]/;
const create = /^CREATE TABLE (?:IF NOT EXISTS )?`((?:[^`]|``)+)` \(/;
const column = /^ {2}`((?:[^`]|``)+)` /;
const encoding = /(?:SET NAMES '?(\w+)|SET client_encoding = '(\w+)')/;
const readable = new Set(["utf8", "utf8mb3", "utf8mb4", "unicode"]);

const statements = /^(CREATE TABLE `|COPY |--|SET |\/\*!\d+ SET )/;

const mariadbEnd = /^-- Dump completed/;
const postgresqlEnd = "-- PostgreSQL database dump complete";
const clusterEnd = "-- PostgreSQL database cluster dump complete";

/** Where the reader is. */
type State =
  | { readonly kind: "between" }
  | { readonly kind: "definition"; readonly table: string; readonly columns: string[] }
  | { readonly kind: "values"; readonly table: string; readonly columns: readonly string[] }
  | {
      readonly kind: "copy";
      readonly table: string;
      readonly columns: readonly string[];
      readonly wanted: boolean;
    };

const between: State = { kind: "between" };

/**
 * Reads what `mariadb-dump`, `mysqldump` and `pg_dump` (plain) write, line by line, and hands over the rows of
 * the tables that are wanted. Throws `BrokenDump`.
 */
export class DumpReader implements LineReader {
  readonly #wanted: ReadonlySet<string>;
  readonly #take: TakeRow;
  readonly #definitions = new Map<string, readonly string[]>();
  readonly #seen = new Set<string>();
  #state: State = between;
  #isComplete = false;

  constructor(wanted: ReadonlySet<string>, take: TakeRow) {
    this.#wanted = wanted;
    this.#take = take;
  }

  /** The dump ends as a whole one does. */
  get isComplete(): boolean {
    return this.#isComplete && this.#state.kind === "between";
  }

  /** The tables that were found, whether they have rows or not. */
  get found(): ReadonlySet<string> {
    return new Set([...this.#definitions.keys(), ...this.#seen]);
  }

  isWanted(head: string): boolean {
    switch (this.#state.kind) {
      case "copy":
        return this.#state.wanted || head === String.raw`\.`;
      case "definition":
      case "values":
        return true;
      case "between":
        // Whatever comes after the end marker: then it was none.
        if (!/^(--|$|\\unrestrict )/.test(head)) this.#isComplete = false;
        return statements.test(head) || this.#isOurs(head);
    }
  }

  line(text: string): void {
    const state = this.#state;
    switch (state.kind) {
      case "between":
        this.#statement(text);
        break;
      case "definition":
        this.#definitionLine(text, state);
        break;
      case "values":
        this.#rows(text, 0, state);
        break;
      case "copy":
        if (text === String.raw`\.`) this.#state = between;
        else if (state.wanted) this.#take(state.table, state.columns, readCopyRow(text));
        break;
    }
  }

  #isOurs(head: string): boolean {
    const [, table] = insert.exec(head) ?? plainInsert.exec(head) ?? [];
    return table !== undefined && this.#wanted.has(table);
  }

  #statement(text: string): void {
    if (text.startsWith("--")) {
      this.#comment(text);
      return;
    }
    if (text.startsWith("COPY ")) this.#copy(text);
    else if (text.startsWith("CREATE TABLE `")) this.#create(text);
    else if (/^(INSERT|REPLACE)/.test(text)) this.#insert(text);
    else this.#setting(text);
  }

  #comment(text: string): void {
    if (text === clusterEnd) {
      throw new BrokenDump("it is of all databases of a server: make one of Nextcloud's alone");
    }
    if (mariadbEnd.test(text) || text === postgresqlEnd) this.#isComplete = true;
  }

  #copy(text: string): void {
    const found = readCopy(text);
    if (found === undefined) return;
    const wanted = this.#wanted.has(found.table);
    if (wanted) this.#once(found.table);
    this.#state = { kind: "copy", ...found, wanted };
  }

  #create(text: string): void {
    const [, table = ""] = create.exec(text) ?? [];
    if (!this.#wanted.has(table)) return;
    if (this.#definitions.has(table)) throw twice(table);
    this.#state = { kind: "definition", table, columns: [] };
  }

  #definitionLine(text: string, { table, columns }: State & { readonly kind: "definition" }): void {
    const [, name] = column.exec(text) ?? [];
    if (name !== undefined) columns.push(name);
    if (!text.startsWith(")")) return;
    this.#definitions.set(table, columns);
    this.#state = between;
  }

  #insert(text: string): void {
    const [start, table, listed] = insert.exec(text) ?? [];
    if (start === undefined || table === undefined) {
      throw new BrokenDump(
        "its rows are in INSERT statements: make it with pg_dump and without --inserts",
      );
    }
    const columns = listed === undefined ? this.#definitions.get(table) : listed.match(/[^`, ]+/g);
    if (columns === undefined || columns === null) {
      throw new BrokenDump(`it says nothing of the columns of ${table}`);
    }
    this.#seen.add(table);
    const state = { kind: "values", table, columns } as const;
    this.#rows(text, start.length, state);
  }

  #rows(text: string, from: number, state: State & { readonly kind: "values" }): void {
    const { rows, ended } = readTuples(text, from);
    for (const row of rows) this.#take(state.table, state.columns, row);
    this.#state = ended ? between : state;
  }

  #setting(text: string): void {
    const [, names, client] = encoding.exec(text) ?? [];
    const name = (names ?? client)?.toLowerCase();
    if (name === undefined || readable.has(name)) return;
    throw new BrokenDump(`its texts are in ${name}: make it with utf8mb4 or UTF8`);
  }

  #once(table: string): void {
    if (this.#seen.has(table)) throw twice(table);
    this.#seen.add(table);
  }
}

function twice(table: string): BrokenDump {
  return new BrokenDump(`table ${table} is in it twice: make a dump of one database`);
}
