// Knows: how Nextcloud names the storages that files are in. Must not know: how they are looked up.
import { createHash } from "node:crypto";

/** Which storage a tree is of: a person's, or one by its number or name. */
export type StorageChoice =
  | { readonly user: string }
  | { readonly number: number }
  | { readonly id: string };

/** A storage as the database has it. */
export interface StorageRow {
  readonly number: number;
  readonly id: string;
}

/** A user and the storage that is their home. */
export interface HomeRow {
  readonly user: string;
  readonly storage: number;
}

/** The storage that is meant, or why there is none: a sentence about it. */
export type FoundStorage = { readonly number: number } | { readonly missing: string };

/** The name of a user's storage. Of long ones the database keeps the MD5 only. */
export function storageIdOf(user: string): string {
  return shortened(`object::user:${user}`);
}

function shortened(id: string): string {
  return id.length > 64 ? createHash("md5").update(id).digest("hex") : id;
}

/** Finds a storage. Names are compared exactly; what is no store of objects is not taken for one. */
export function findStorage(
  choice: StorageChoice,
  storages: readonly StorageRow[],
  homes: readonly HomeRow[],
): FoundStorage {
  const found = storages.find(matcher(choice, homes));
  if (found === undefined) return { missing: `there is no ${inWords(choice)}` };
  if (isOfObjects(found.id)) return { number: found.number };
  return {
    missing: `${inWords(choice)} is ${found.id}: its files are not in the store of objects`,
  };
}

function matcher(
  choice: StorageChoice,
  homes: readonly HomeRow[],
): (storage: StorageRow) => boolean {
  if ("number" in choice) return ({ number }) => number === choice.number;
  if ("id" in choice) return ({ id }) => id === choice.id || id === shortened(choice.id);
  const id = storageIdOf(choice.user);
  const home = homes.find(({ user }) => user === choice.user);
  return (storage) => storage.id === id || (storage.number === home?.storage && isOfUser(storage));
}

/** A home that the database knows by a name of its own making is still one in the store. */
function isOfUser({ id }: StorageRow): boolean {
  return id.startsWith("object::user:") || /^[0-9a-f]{32}$/.test(id);
}

function isOfObjects(id: string): boolean {
  return id.startsWith("object::") || /^[0-9a-f]{32}$/.test(id);
}

function inWords(choice: StorageChoice): string {
  if ("user" in choice) return `storage of user "${choice.user}"`;
  return "number" in choice ? `storage number ${choice.number}` : `storage "${choice.id}"`;
}
