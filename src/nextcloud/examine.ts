// Knows: what has to be so before a Nextcloud can be backed up. Must not know: when that is asked.
import { posix } from "node:path";
import { showLineOn } from "../hosts/show-command.ts";
import type { DatabaseSettings } from "../databases/database.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import { formatSize } from "../kernel/size.ts";
import type { NextcloudAccess } from "./instance.ts";
import { canHoldFile, maintenanceFile } from "./maintenance-commands.ts";
import type { MaintenanceWay } from "./maintenance.ts";
import { type OccStatus, ownerOf, readStatus } from "./occ.ts";
import type { ConfiguredInstance } from "./interpret.ts";
import { readSettings } from "./read-instance.ts";

interface Examination {
  readonly subject: string;
  readonly access: NextcloudAccess;
  readonly maintenance: MaintenanceWay;
}

/** A config.php is small; a disk with less room than this is full soon. Bytes. */
const leastSpace = 16 * 1024 * 1024;

/**
 * Whether occ answers, what it says of its Nextcloud, and whether maintenance can be switched. Reads only; takes
 * about half a second.
 */
export async function examineNextcloud(
  access: NextcloudAccess,
  maintenance: MaintenanceWay,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const subject = `nextcloud ${access.config ?? access.occ.join(" ")}`;
  const examination = { access, maintenance, subject };
  const config = await examineConfig(examination, signal);
  try {
    const status = await readStatus(access, signal);
    const settings = await readSettings(access, signal);
    const answers = `occ of Nextcloud ${status.version} answers${await runsAs(access, signal)}`;
    return [
      { code: "nextcloud-occ", severity: "ok", subject, message: answers },
      { code: "nextcloud-found", severity: "ok", subject, message: describe(settings) },
      ...(await stateOf(examination, status, signal)),
      ...config,
    ];
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { message, hint } = error;
    const finding = { code: "nextcloud-occ", severity: "error", subject, message } as const;
    return [{ ...finding, ...(hint === undefined ? {} : { hint }) }, ...config];
  }
}

async function runsAs(access: NextcloudAccess, signal: AbortSignal): Promise<string> {
  if (access.config === undefined) return "";
  const owner = await ownerOf(access, access.config, signal);
  // It refuses everybody else.
  return owner === undefined ? "" : ` as ${owner}`;
}

function describe({ dataDirectory, database, objectStore }: ConfiguredInstance): string {
  const store = objectStore === undefined ? "" : `, files in the bucket ${objectStore.bucket}`;
  return `data in ${dataDirectory}, ${describeDatabase(database)}${store}`;
}

function describeDatabase(database: DatabaseSettings): string {
  if (database.kind === "sqlite") return `the SQLite database ${database.file}`;
  const { kind, name, host, port, socket } = database;
  const place = socket ?? [host, port].filter((one) => one !== undefined).join(":");
  return `the ${kind} database ${name}${place === "" ? "" : ` at ${place}`}`;
}

async function stateOf(
  { subject, access }: Examination,
  status: OccStatus,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const upgrade: readonly Finding[] = status.needsUpgrade
    ? [
        {
          code: "nextcloud-upgrade",
          severity: "warning",
          subject,
          message: "Nextcloud waits for an upgrade to be finished",
          hint: showLineOn(access.host, `${access.occ.join(" ")} upgrade`),
        },
      ]
    : [];
  if (!status.inMaintenance) return upgrade;
  const finding = { code: "nextcloud-maintenance", severity: "warning", subject } as const;
  const ours = posix.join(access.config ?? "", maintenanceFile);
  const [state] = access.config === undefined ? [] : await access.host.inspect([ours], signal);
  const isOurs = state?.kind === "file";
  const how = isOurs
    ? {
        message: `Nextcloud is in maintenance mode, because ${ours} says so, which holdfast put there`,
        hint: `a run that is under way takes it away; otherwise: ${showLineOn(access.host, `rm -- ${ours}`)}`,
      }
    : {
        message: "Nextcloud is in maintenance mode, and a backup leaves it so",
        hint: showLineOn(access.host, `${access.occ.join(" ")} maintenance:mode --off`),
      };
  return [...upgrade, { ...finding, ...how }];
}

async function examineConfig(
  { subject, access, maintenance }: Examination,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { host, config } = access;
  if (config === undefined) return [byOcc(subject, "its folder of config.php is not named")];
  const [state] = await host.inspect([config], signal);
  const code = "nextcloud-config";
  if (state?.kind !== "directory") {
    const message = `there is no folder ${config}`;
    const hint = "correct `config`: the folder of config.php on that machine";
    return [{ code, severity: "error", subject, message, hint }];
  }
  const space: readonly Finding[] =
    state.freeBytes < leastSpace
      ? [
          {
            code: "nextcloud-config-space",
            severity: "error",
            subject,
            message: `${formatSize(state.freeBytes)} are free where ${config} is`,
            hint: "make room: Nextcloud empties a config.php that it cannot write as a whole",
          },
        ]
      : [];
  if (maintenance === "occ") return [byOcc(subject, "the configuration wants it so"), ...space];
  if (await canHoldFile(host, config, signal)) {
    const message = `maintenance is switched by a file in ${config}`;
    return [{ code, severity: "ok", subject, message }, ...space];
  }
  const message = `no file can be put into ${config}, or there is no config.php`;
  const hint = "run holdfast as root or as the owner of that folder";
  const severity = maintenance === "file" ? "error" : "warning";
  return [{ code, severity, subject, message, hint }, ...space];
}

function byOcc(subject: string, reason: string): Finding {
  const message = `maintenance is switched by occ, because ${reason}`;
  const hint =
    "make `settle` longer than PHP's opcache.revalidate_freq: that late web servers notice it";
  return { code: "nextcloud-config", severity: "ok", subject, message, hint };
}
