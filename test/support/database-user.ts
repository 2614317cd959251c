// Knows: how a user's configuration names the database of a test. Must not know: what is done with it.
import assert from "node:assert/strict";
import type { DatabaseSettings } from "../../src/databases/database.ts";
import type { Ended, User } from "./holdfast.ts";

/** A source, as a person writes it into the configuration. Its password is in a file of the user. */
export async function sourceOf(
  user: User,
  settings: DatabaseSettings,
  more: Readonly<Record<string, unknown>> = {},
): Promise<object> {
  if (settings.kind === "sqlite") return { sqlite: { file: settings.file, ...more } };
  const { kind, password, ...others } = settings;
  const file = await user.write(`${kind}.password`, `${password?.reveal() ?? ""}\n`);
  const staging = user.at("staging");
  return { [kind]: { ...others, password: { file }, staging, ...more } };
}

/** The same call; fails the test, with what was said, unless it ended well. */
export function succeeded(ended: Ended): Ended {
  assert.equal(ended.exitStatus, 0, `${ended.stdout}${ended.stderr}`);
  return ended;
}
