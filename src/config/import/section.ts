// Knows: how a map of a file is read key by key, and that each value has the type that is expected. Must not know: which keys there are.
import type { KeyPath } from "../problem.ts";
import { FoundSecret } from "./imported.ts";
import type { Report } from "./report.ts";

/** How the keys of a file may be written otherwise: the key that is meant. */
export type Fold = (key: string) => string;

const asWritten: Fold = (key) => key;

/**
 * One map of a file. A key that is absent or null is `undefined`; one of the wrong type is told as a problem
 * of the file, and is `undefined` as well. Reading a key judges nothing but where `to` is given.
 */
export class Section {
  readonly report: Report;
  readonly path: KeyPath;
  readonly #map: Readonly<Record<string, unknown>>;
  readonly #fold: Fold;

  constructor(
    report: Report,
    at: { readonly path: KeyPath; readonly value: unknown; readonly fold?: Fold },
  ) {
    this.report = report;
    this.path = at.path;
    this.#map = asMap(at.value) ?? {};
    this.#fold = at.fold ?? asWritten;
  }

  /** The keys that are there, as they are meant. */
  get keys(): readonly string[] {
    return Object.keys(this.#map).map(this.#fold);
  }

  /** The keys that are there, as they are written. */
  get keysAsWritten(): readonly string[] {
    return Object.keys(this.#map);
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined;
  }

  /** The value as it is, whatever its type. */
  raw(key: string): unknown {
    const written = this.#written(key);
    return written === undefined ? undefined : (this.#map[written] ?? undefined);
  }

  /** Where a key is in the file. */
  at(key: string): KeyPath {
    return [...this.path, this.#written(key) ?? key];
  }

  /** A text, or a number that was meant as one. */
  text(key: string, to?: string): string | undefined {
    const value = this.raw(key);
    const text = typeof value === "number" ? String(value) : value;
    return this.#checked(key, typeof text === "string" ? text : undefined, {
      expected: "text",
      to,
    });
  }

  number(key: string, to?: string): number | undefined {
    const value = this.raw(key);
    const fine = typeof value === "number" && Number.isFinite(value) ? value : undefined;
    return this.#checked(key, fine, { expected: "a number", to });
  }

  /** A whole number, not below this one. */
  count(key: string, least = 0): number | undefined {
    const value = this.number(key);
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value;
    this.report.problem(this.at(key), `expected a whole number from ${least} on`);
    return undefined;
  }

  flag(key: string, to?: string): boolean | undefined {
    const value = this.raw(key);
    const fine = typeof value === "boolean" ? value : undefined;
    return this.#checked(key, fine, { expected: "true or false", to });
  }

  /** A list of texts; a text alone is a list of one. */
  texts(key: string, to?: string): readonly string[] | undefined {
    const value = this.raw(key);
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const texts = list.flatMap((item) => {
      if (typeof item === "number") return String(item);
      return typeof item === "string" ? item : [];
    });
    const fine = texts.length === list.length ? texts : undefined;
    return this.#checked(key, fine, { expected: "a list of texts", to });
  }

  /** A text that has to be there. */
  needed(key: string, to?: string): string {
    const value = this.text(key, to);
    if (value === undefined) this.#missing(key);
    else if (value === "") this.report.problem(this.at(key), "is empty");
    return value ?? "";
  }

  /** A secret, which is judged as one. Empty: there is none. */
  secret(key: string, name: string, to: string): FoundSecret | undefined {
    const text = this.text(key);
    if (text === undefined || text === "") return undefined;
    this.judge(key, "secret", { to });
    return new FoundSecret(name, text);
  }

  /** A map below this one. */
  section(key: string): Section | undefined {
    const value = this.raw(key);
    const map = this.#checked(key, asMap(value), { expected: "a map" });
    return map === undefined ? undefined : this.#below(this.at(key), map);
  }

  /** All maps below this key, by name. Names are never folded: they are a person's own. */
  sections(key: string): ReadonlyMap<string, Section> {
    const all = asMap(this.raw(key)) ?? {};
    void this.section(key);
    return new Map(
      Object.entries(all).flatMap(([name, value]) => {
        const path = [...this.at(key), name];
        const map = asMap(value ?? {});
        if (map !== undefined) return [[name, this.#below(path, map)] as const];
        this.report.problem(path, "expected a map");
        return [];
      }),
    );
  }

  /** The maps of a list. */
  list(key: string): readonly Section[] {
    const value = this.raw(key);
    const list: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
    const items = this.#checked(key, list, { expected: "a list" }) ?? [];
    return items.flatMap((item, index) => {
      const map = asMap(item);
      const path = [...this.at(key), index];
      if (map !== undefined) return [this.#below(path, map)];
      this.report.problem(path, "expected a map");
      return [];
    });
  }

  /** Says what is wrong with the value of a key. */
  problem(key: string, message: string): void {
    this.report.problem(this.at(key), message);
  }

  /** Says what became of a key. One that is not there needs no judgement. */
  judge(
    key: string,
    verdict: Parameters<Report["judge"]>[1],
    said: { readonly to?: string; readonly message?: string } = {},
  ): void {
    if (this.#written(key) !== undefined) this.report.judge(this.at(key), verdict, said);
  }

  /** The same, for several keys. */
  judgeAll(
    keys: readonly string[],
    verdict: Parameters<Report["judge"]>[1],
    said: { readonly to?: string; readonly message?: string } = {},
  ): void {
    for (const key of keys) this.judge(key, verdict, said);
  }

  #below(path: KeyPath, value: unknown): Section {
    return new Section(this.report, { path, value, fold: this.#fold });
  }

  #written(key: string): string | undefined {
    if (Object.hasOwn(this.#map, key)) return key;
    return Object.keys(this.#map).find((written) => this.#fold(written) === key);
  }

  #missing(key: string): void {
    this.report.problem(this.path, `"${key}" is missing`, "key");
  }

  #checked<Type>(
    key: string,
    value: Type | undefined,
    { expected, to }: { readonly expected: string; readonly to?: string | undefined },
  ): Type | undefined {
    if (!this.has(key)) return undefined;
    if (value === undefined) this.report.problem(this.at(key), `expected ${expected}`);
    else if (to !== undefined) this.judge(key, "mapped", { to });
    return value;
  }
}

/** A value as a map, or undefined when it is none. */
export function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date)
    ? Object.fromEntries(Object.entries(value))
    : undefined;
}
