// Knows: how rows are kept on disk between a tool that writes them and somebody who reads them later. Must not know: where they come from.
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { HoldfastError } from "../kernel/errors.ts";
import type { Row } from "./database.ts";

const bytesPerWrite = 256 * 1024;
const nextQuery = "\n";

/** Some rows of one query. */
export interface RowBatch {
  readonly query: number;
  readonly rows: readonly Row[];
}

/**
 * Takes rows as they come, and gives them back in batches, in memory that does not grow. What it writes has no name
 * and vanishes with this process. Nothing of it is given back before all of it is known to be whole.
 */
export class RowSpool implements Disposable {
  readonly #file: number;
  #pending: string[] = [];
  #pendingLength = 0;

  constructor() {
    const folder = mkdtempSync(join(spoolFolder(), "holdfast-rows-"));
    try {
      this.#file = openSync(join(folder, "rows"), "wx+", 0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Throws `command-failed` when there is no space. */
  push(row: Row): void {
    this.#keep(`${JSON.stringify(row)}\n`);
  }

  /** What comes now belongs to the next query. */
  next(): void {
    this.#keep(nextQuery);
  }

  *batches(): Generator<RowBatch> {
    this.#write();
    let query = 0;
    for (const lines of linesOf(this.#file)) {
      let rows: string[] = [];
      for (const line of lines) {
        if (line !== "") {
          rows.push(line);
          continue;
        }
        if (rows.length > 0) yield { query, rows: parsed(rows) };
        rows = [];
        query += 1;
      }
      if (rows.length > 0) yield { query, rows: parsed(rows) };
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #keep(text: string): void {
    this.#pending.push(text);
    this.#pendingLength += text.length;
    if (this.#pendingLength >= bytesPerWrite) this.#write();
  }

  #write(): void {
    const bytes = Buffer.from(this.#pending.join(""));
    this.#pending = [];
    this.#pendingLength = 0;
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#file, bytes, written);
    } catch (cause) {
      const message = `the rows of a database do not fit into ${spoolFolder()}`;
      const hint = "make room there, or name another folder in the environment: TMPDIR";
      throw new HoldfastError("command-failed", message, { hint, cause });
    }
  }
}

// What is in /tmp may be in memory. Whoever names another folder means it.
function spoolFolder(): string {
  return tmpdir() === "/tmp" && existsSync("/var/tmp") ? "/var/tmp" : tmpdir();
}

function parsed(lines: readonly string[]): readonly Row[] {
  const rows: readonly Row[] = JSON.parse(`[${lines.join(",")}]`);
  return rows;
}

/** Whole lines of a file from its beginning, several at a time. Whoever stops early leaves it open. */
function* linesOf(file: number): Generator<readonly string[]> {
  const buffer = Buffer.allocUnsafe(bytesPerWrite);
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for (let position = 0; ;) {
    const length = readSync(file, buffer, 0, buffer.length, position);
    if (length === 0) return;
    position += length;
    const lines = (rest + decoder.write(buffer.subarray(0, length))).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
}
