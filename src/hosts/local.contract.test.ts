import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostContract } from "../../test/support/host-contract.ts";
import { localHost } from "./local.ts";

hostContract({
  name: "the local host",
  open: async (settings) => {
    const directory = await mkdtemp(join(await realpath(tmpdir()), "holdfast-host-"));
    return {
      host: localHost(settings),
      directory,
      [Symbol.asyncDispose]: async () => {
        await rm(directory, { recursive: true, force: true });
      },
    };
  },
});
