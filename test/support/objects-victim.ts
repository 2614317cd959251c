// Knows: how to be in the middle of a backup of objects when somebody kills it. Must not know: who does.
//   node objects-victim.ts LOCATION GENERATION
import { setTimeout as sleep } from "node:timers/promises";
import { generationOf } from "./objects-generations.ts";
import { openObjects } from "./objects-places.ts";
import { calmWork, requestFor } from "./objects-workshop.ts";

const [location = "", first = ""] = process.argv.slice(2);
process.stdout.write("begins\n");
// One state after another, until it is killed.
for (let generation = Number(first); ; generation += 1) {
  const store = generationOf(generation);
  store.interfere = async () => {
    await sleep(Math.random() * 10);
    return undefined;
  };
  const request = { ...requestFor(store.prepared()), labels: [String(generation)] };
  await openObjects(location).backup(request, calmWork);
}
