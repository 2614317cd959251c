// Knows: what other rooms use of this one. Must not know: how it is done.
export { examineNextcloud } from "./examine.ts";
export { maintenanceFiles } from "./maintenance-commands.ts";
export { maintenanceUndoings, openMaintenance } from "./maintenance.ts";
export { runOcc } from "./occ.ts";
export { readConfigDirectory, readInstance } from "./read-instance.ts";
