// Knows: programs that kill whoever uses them when they are told to. Must not know: what they are used for.
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { User } from "./holdfast.ts";

/** "before 3": in place of the third command; "in 3": while it runs; "after 3": when it has ended. */
export type KillOrder = `${"before" | "in" | "after"} ${number}`;

/**
 * Programs that stand before the real ones in a user's search path. They count how often they are called, and kill
 * the process in the file `victim` when that was ordered.
 */
export class KillOrders {
  readonly #user: User;
  /** What PATH has to be for the programs of this user. */
  readonly path: string;

  private constructor(user: User, path: string) {
    this.#user = user;
    this.path = path;
  }

  /** Puts these programs in place. */
  static async make(user: User, programs: readonly string[]): Promise<KillOrders> {
    const real = process.env["PATH"] ?? "";
    const folder = user.at("programs");
    await mkdir(folder);
    await writeFile(join(folder, "obey"), scriptIn(user, real), { mode: 0o755 });
    for (const name of programs) await symlink("obey", join(folder, name));
    const orders = new KillOrders(user, `${folder}:${real}`);
    await orders.reset();
    return orders;
  }

  /** Forgets what was ordered and counted. */
  async reset(): Promise<void> {
    await rm(this.#user.at("order"), { force: true });
    // Something that outlives the killed program for a moment may still call one.
    const patiently = { recursive: true, force: true, maxRetries: 20 };
    await rm(this.#user.at("calls"), patiently);
    await mkdir(this.#user.at("calls"));
  }

  async give(order: KillOrder): Promise<void> {
    await this.#user.write("order", `${order}\n`);
  }

  /** What was called since the last reset, in order. */
  async called(): Promise<readonly string[]> {
    const names = await readdir(this.#user.at("calls"));
    const numbers = names.map(Number).toSorted((a, b) => a - b);
    return await Promise.all(
      numbers.map(async (number) => (await this.#user.read(`calls/${number}`)).trim()),
    );
  }
}

// Only what the shell does by itself until the real program is called. A file that must not exist yet
// (`set -C`) gives each of several that run at once a number of its own.
const scriptIn = ({ home }: User, real: string): string => `#!/bin/sh
PATH='${real}'
name=\${0##*/}
number=1
set -C
until { echo "$name $*" > '${home}/calls/'$number; } 2> /dev/null; do
  [ -d '${home}/calls' ] || exec "$name" "$@"
  number=$((number + 1))
done
set +C
[ -f '${home}/order' ] || exec "$name" "$@"
read -r word which < '${home}/order'
[ "$which" = "$number" ] || exec "$name" "$@"
fire() {
  read -r victim < '${home}/victim'
  rm -f '${home}/order'
  kill -KILL "$victim"
}
case $word in
  before) fire; exit 1 ;;
  in)
    { case $name in rsync) sleep 0.15 ;; *) sleep 0.03 ;; esac; fire; } > /dev/null 2>&1 &
    exec "$name" "$@" ;;
  after) "$name" "$@"; fire; exit 1 ;;
esac
`;
