// Knows: somebody with a subvolume, snapshots and a second disk, for tests. Must not know: what is tested.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { byHand } from "./btrfs-places.ts";
import { type Disk, newDisk } from "./disk.ts";
import { newUser, type User } from "./holdfast.ts";

/** Somebody with a subvolume on one disk, snapshots beside it, and a second disk. */
export class Owner implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly user: User;
  readonly inner: Disk;
  readonly outer: Disk;

  private constructor(stack: AsyncDisposableStack, made: Pick<Owner, "user" | "inner" | "outer">) {
    this.#stack = stack;
    this.user = made.user;
    this.inner = made.inner;
    this.outer = made.outer;
  }

  static async make(outerMiB = 512): Promise<Owner> {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await newUser());
    const inner = stack.use(await newDisk());
    const outer = stack.use(await newDisk({ sizeMiB: outerMiB }));
    const owner = new Owner(stack.move(), { user, inner, outer });
    await byHand("subvolume", "create", owner.home);
    await owner.change("at first");
    await owner.configure();
    await owner.succeed("init");
    return owner;
  }

  get home(): string {
    return join(this.inner.path, "home");
  }

  get kept(): string {
    return join(this.inner.path, ".snapshots/home");
  }

  get copied(): string {
    return join(this.outer.path, "home");
  }

  async configure(
    more: { readonly job?: object; readonly home?: object; readonly usb?: object } = {},
  ) {
    await this.user.configure({
      volumes: { usb: { path: this.outer.path } },
      repositories: {
        home: { engine: "btrfs", at: this.kept, keep: { last: 1 }, ...more.home },
        usb: { engine: "btrfs", at: "usb:home", ...more.usb },
      },
      jobs: {
        home: {
          sources: [{ subvolume: this.home }],
          repository: "home",
          copies: ["usb"],
          ...more.job,
        },
      },
    });
  }

  /** Runs the program, which must succeed, and answers with what it printed. */
  async succeed(...words: readonly string[]): Promise<string> {
    const { exitStatus, stdout, stderr } = await this.user.holdfast(...words);
    assert.equal(exitStatus, 0, `${words.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Makes the subvolume another one than it was. */
  async change(text: string): Promise<void> {
    await writeFile(join(this.home, "file"), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
