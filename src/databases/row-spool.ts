// Knows: how rows are kept on disk between a tool that writes them and somebody who reads them later. Must not know: where they come from.
import {
  closeSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  async *batches(): AsyncGenerator<RowBatch> {
    this.#write();
    let query = 0;
    for await (const lines of linesOf(this.#file)) {
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

/** Whole lines of a file from its beginning, several at a time. */
async function* linesOf(file: number): AsyncGenerator<readonly string[]> {
  const options = {
    fd: file,
    start: 0,
    autoClose: false,
    encoding: "utf8",
    highWaterMark: 256 * 1024,
  } as const;
  let rest = "";
  for await (const chunk of createReadStream("", options)) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
}
