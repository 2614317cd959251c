// A machine behind ssh keeps what every host promises.
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite } from "node:test";
import assert from "node:assert/strict";
import { hostContract } from "../../../test/support/host-contract.ts";
import { type Sshd, sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { anywhere } from "../hosts.ts";
import { localHost } from "../local.ts";
import { openSshHost } from "./open.ts";
import { HostSettings } from "./settings.ts";

suite("over ssh", { skip: withoutTools(...sshdTools) }, () => {
  let server: Sshd | undefined;
  before(async () => {
    server = await startSshd();
  });
  after(async () => await server?.[Symbol.asyncDispose]());

  hostContract({
    name: "a host behind ssh",
    open: async ({ graceMs, outputLimit }) => {
      assert.ok(server);
      const directory = await mkdtemp(join(await realpath(tmpdir()), "holdfast-host-"));
      const { host, ...opened } = openSshHost({
        name: "server",
        // Behind what a command writes comes a line that says that this was all.
        here: localHost({ outputLimit: outputLimit + 35 }),
        choice: anywhere,
        known: () => undefined,
        settings: HostSettings.parse(server.entry),
        graceMs,
      });
      return {
        host,
        directory,
        [Symbol.asyncDispose]: async () => {
          await opened[Symbol.asyncDispose]();
          await rm(directory, { recursive: true, force: true });
        },
      };
    },
  });
});
