// Knows: how a Nextcloud is put into maintenance, and out of it again, whatever happens in between. Must not know: what is done meanwhile.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { interruption } from "../hosts/interruption.ts";
import { machineOf, type MachinesByName } from "../hosts/machines.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { LedgerEntry, Undo } from "../kernel/ledger.ts";
import { fileWay } from "./maintenance-file.ts";
import { canHoldFile } from "./maintenance-commands.ts";
import { occWay } from "./maintenance-occ.ts";
import type { Maintenance, NextcloudAccess } from "./instance.ts";
import type { Pause } from "./tries.ts";

const kind = "nextcloud-maintenance";

const Data = z.object({
  host: z.string().optional(),
  occ: z.tuple([z.string()], z.string()),
  config: z.string().optional(),
  way: z.enum(["file", "occ"]),
  token: z.string(),
});
type Data = z.output<typeof Data>;

/** How maintenance is asked to be switched. `auto`: by a file where that can be, else by occ. */
export type MaintenanceWay = "auto" | "file" | "occ";

/** A way of switching, and what undoes it after a crash: for the ledger, before `switchOn`. */
export interface OpenedMaintenance {
  readonly maintenance: Maintenance;
  readonly entry: LedgerEntry;
}

/**
 * Chooses how maintenance is switched; changes nothing yet. Where Nextcloud is in maintenance already, leave
 * it alone: `switchOff` would end that. Throws `config-invalid` for `file` without a folder of config.php.
 */
export async function openMaintenance(
  access: NextcloudAccess,
  way: MaintenanceWay,
  signal: AbortSignal,
): Promise<OpenedMaintenance> {
  const { host, occ, config } = access;
  const data: Data = {
    // Without a name it is the machine that holdfast runs on.
    ...(host.remote === undefined ? {} : { host: host.name }),
    occ: [...occ],
    ...(config === undefined ? {} : { config }),
    way: await choose(access, way, signal),
    token: randomBytes(8).toString("hex"),
  };
  const subject = `the maintenance mode of ${config ?? occ.join(" ")}`;
  return {
    maintenance: maintenanceOf(access, data, way === "auto" ? "or by occ" : "only so"),
    entry: { kind, subject, data },
  };
}

/**
 * How maintenance is ended that a run left on. `machines`: by their names; without a name, this one. Throws
 * `maintenance-failed`: then it is owed still.
 */
export function maintenanceUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map([
    [
      kind,
      async (entry: LedgerEntry, signal: AbortSignal) => {
        const data = Data.parse(entry.data);
        const access = {
          host: machineOf(machines, data.host),
          occ: data.occ,
          ...(data.config === undefined ? {} : { config: data.config }),
        };
        await maintenanceOf(access, data, "only so").switchOff(signal);
      },
    ],
  ]);
}

async function choose(
  access: NextcloudAccess,
  way: MaintenanceWay,
  signal: AbortSignal,
): Promise<"file" | "occ"> {
  if (way === "occ") return "occ";
  if (access.config === undefined) {
    if (way === "auto") return "occ";
    throw new HoldfastError("config-invalid", "maintenance: file needs the folder of config.php", {
      hint: "name it as `config`, or say: maintenance: occ",
    });
  }
  if (way === "file") return "file";
  return (await canHoldFile(access.host, access.config, signal)) ? "file" : "occ";
}

function maintenanceOf(
  access: NextcloudAccess,
  { way, token }: Data,
  otherwise: "only so" | "or by occ",
): Maintenance {
  const byOcc = occWay(access, pauseFor);
  if (way === "occ" || access.config === undefined) return byOcc;
  const place = { ...access, config: access.config, token };
  const means = { pause: pauseFor, ...(otherwise === "only so" ? {} : { otherwise: byOcc }) };
  return fileWay(place, means);
}

const pauseFor: Pause = async (ms, signal) => {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw interruption(signal, "switching maintenance mode");
  }
};
