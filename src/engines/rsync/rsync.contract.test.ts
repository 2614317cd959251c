// rsync itself, in each layout, behind everything that an engine promises.
import { engineContract } from "../../../test/support/engine-contract.ts";
import { mirrors } from "../../../test/support/rsync-places.ts";

for (const layout of ["none", "hard-links", "btrfs"] as const) engineContract(mirrors(layout));
