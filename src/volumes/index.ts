// Knows: which kinds of volume there are. Must not know: anything about them.

/** Every volume: a directory, or a drive. */
export { AnyVolume } from "./options.ts";
