// Knows: how rows become aligned text. Must not know: what is in them.
import { stripVTControlCharacters } from "node:util";
import type { Paint } from "./paint.ts";

/** One column: its heading, and on which side its text stands. */
export interface Column {
  readonly heading: string;
  readonly align?: "right";
}

/**
 * Rows as aligned text under their headings, every line ended by a newline. Columns that are empty
 * in every row are left out. Cells may be painted, and must hold no other control characters.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string {
  const shown = columns
    .map((column, index) => ({ ...column, index, width: widest(column, index, rows) }))
    .filter(({ index }) => rows.some((row) => (row[index] ?? "") !== ""));
  const line = (cells: readonly string[]): string =>
    shown
      .map(({ index, width, align }) => padded(cells[index] ?? "", width, align))
      .join("  ")
      .trimEnd();

  const headings = paint.dim(line(columns.map(({ heading }) => heading)));
  return [headings, ...rows.map((row) => line(row))].map((text) => `${text}\n`).join("");
}

function widest(column: Column, index: number, rows: readonly (readonly string[])[]): number {
  const cells = [column.heading, ...rows.map((row) => row[index] ?? "")];
  return cells.reduce((width, cell) => Math.max(width, displayWidth(cell)), 0);
}

function padded(text: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? `${space}${text}` : `${text}${space}`;
}

/** How many columns a text takes on a terminal, without its colours. */
export function displayWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
