// btrfs itself, the oldest that is driven and a newer one, behind everything that an engine promises.
import { engineContract } from "../../../test/support/engine-contract.ts";
import { btrfsUnderTest, newerBtrfs } from "../../../test/support/btrfs-places.ts";

engineContract(btrfsUnderTest("btrfs of this machine"));
engineContract(btrfsUnderTest("btrfs 6.14", newerBtrfs));
