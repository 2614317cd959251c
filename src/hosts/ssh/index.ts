// Knows: how another machine is described in the configuration. Must not know: how a connection is made.
import * as z from "zod";
import type { HostSpec } from "../hosts.ts";

const Options = z.strictObject({
  addresses: z.array(z.strictObject({ host: z.string().min(1) })).min(1),
});

/** A machine that is reached over ssh: its options, parsed into something that can be opened. */
export const AnyHost = Options.transform((): HostSpec => {
  return {
    locations: [],
    jumps: [],
    open: () => {
      throw new Error("not there yet");
    },
  };
});
