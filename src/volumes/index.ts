// Knows: which kinds of volume there are. Must not know: anything about them.
import * as z from "zod";
import { local } from "./local.ts";

/** Every kind of volume. A new one is a file beside this one and a word here. */
export const AnyVolume = z.union([local]);
