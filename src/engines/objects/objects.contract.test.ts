import { engineContract } from "../../../test/support/engine-contract.ts";
import { objectsUnderTest } from "../../../test/support/objects-places.ts";

engineContract(objectsUnderTest);
