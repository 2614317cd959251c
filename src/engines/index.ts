// Knows: which engines there are. Must not know: anything about them.
import * as z from "zod";
import { btrfs } from "./btrfs/index.ts";
import { objects } from "./objects/index.ts";
import { restic } from "./restic/index.ts";
import { rsync } from "./rsync/index.ts";
import { tar } from "./tar/index.ts";

/** Every engine this program drives. A new one is a folder beside this file and a word here. */
export const AnyRepository = z.discriminatedUnion("engine", [btrfs, objects, restic, rsync, tar]);
