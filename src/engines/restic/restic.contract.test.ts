// restic itself, in three versions, behind everything that an engine promises.
import { engineContract } from "../../../test/support/engine-contract.ts";
import { inFolders } from "../../../test/support/restic-places.ts";
import { resticVersions } from "../../../test/support/restic-versions.ts";

for (const version of resticVersions) engineContract(inFolders(version));
