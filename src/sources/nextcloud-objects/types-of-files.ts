// Knows: which types of files are left out. Must not know: what is in files.

/** A type by its number, its name, or all of a kind: `image/*`. */
export type TypeChoice = number | string;

/** A type as the database has it. */
export interface TypeRow {
  readonly number: number;
  readonly name: string;
}

/** The numbers of the types that are left out. Folders have a type too, and are never left out by it. */
export function excludedTypes(
  choices: readonly TypeChoice[],
  types: readonly TypeRow[],
): ReadonlySet<number> {
  const excluded = types.filter((type) => choices.some((choice) => isMeant(choice, type)));
  return new Set(excluded.map(({ number }) => number));
}

function isMeant(choice: TypeChoice, { number, name }: TypeRow): boolean {
  if (typeof choice === "number") return choice === number;
  const wanted = choice.toLowerCase();
  return wanted.endsWith("/*")
    ? name.toLowerCase().startsWith(wanted.slice(0, -1))
    : name.toLowerCase() === wanted;
}
