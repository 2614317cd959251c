// Knows: what has to come before what. Pure. Must not know: what any of it is.

/** For each name those that have to come before it. Names that are not in the list do not matter. */
export type Precedence = ReadonlyMap<string, readonly string[]>;

/**
 * The names, each after all that it needs and otherwise in the given order. Where needs go round in
 * a circle, the given order decides.
 */
export function inOrder(names: readonly string[], needs: Precedence): readonly string[] {
  const asked = new Set(names);
  const placed = new Set<string>();
  const begun = new Set<string>();
  const place = (name: string): void => {
    if (begun.has(name) || !asked.has(name)) return;
    begun.add(name);
    for (const needed of needs.get(name) ?? []) place(needed);
    placed.add(name);
  };
  for (const name of names) place(name);
  return [...placed];
}

/** Each circle once, as the way from its first name to what that needs, back to the same name. */
export function circles(needs: Precedence): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (name: string): void => {
    const start = way.indexOf(name);
    if (start !== -1) found.push([...way.slice(start), name]);
    if (start !== -1 || done.has(name)) return;
    way.push(name);
    for (const needed of needs.get(name) ?? []) visit(needed);
    way.pop();
    done.add(name);
  };
  for (const name of needs.keys()) visit(name);
  return found;
}
