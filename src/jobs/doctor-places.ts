// Knows: whether the machines and volumes that jobs need can be used. Must not know: what is on them.
import { showLineOn } from "../hosts/show-command.ts";
import type { Finding } from "../kernel/finding.ts";
import { formatSize } from "../kernel/size.ts";
import type { Volume, VolumeSpec, VolumeState } from "../volumes/volume.ts";
import { looked, notExamined, ok } from "./doctor-finding.ts";
import { noLedger, openVolume } from "./open.ts";
import type { Program } from "./program.ts";

/** Below this much free space on a volume a backup is about to fail. */
const littleSpaceBytes = 500_000_000;

/** What was found of machines, and which of them cannot be used now. */
export interface ExaminedHosts {
  readonly findings: readonly Finding[];
  readonly away: ReadonlySet<string>;
}

/** Examines the machines that these volumes are on, each once. */
export async function examineHosts(
  program: Program,
  volumes: readonly string[],
  signal: AbortSignal,
): Promise<ExaminedHosts> {
  const names = new Set(volumes.flatMap((name) => program.config.volumes.get(name)?.host ?? []));
  const each = await Promise.all(
    [...names].map(async (name) => {
      const look = async () => await program.hosts.examine(name, signal);
      const findings = await looked(`host ${name}`, look);
      const usable = findings.every(({ severity }) => severity === "ok" || severity === "warning");
      return { name, findings, usable };
    }),
  );
  return {
    findings: each.flatMap(({ findings }) => findings),
    away: new Set(each.flatMap(({ name, usable }) => (usable ? [] : [name]))),
  };
}

/**
 * The same program, in which each volume is looked at once, however many jobs are on it; one on a
 * machine that cannot be used is away, and nobody waits for that machine again.
 */
export function lookingOnce(program: Program, awayHosts: ReadonlySet<string>): Program {
  const volumes = new Map(
    [...program.config.volumes].map(([name, spec]) => [name, seenOnce(spec, awayHosts)]),
  );
  return { ...program, config: { ...program.config, volumes } };
}

function seenOnce(spec: VolumeSpec, awayHosts: ReadonlySet<string>): VolumeSpec {
  const { host } = spec;
  const away = host !== undefined && awayHosts.has(host);
  let seen: Promise<VolumeState> | undefined;
  return {
    ...spec,
    open(access): Volume {
      const volume = spec.open(access);
      const observe = async (signal: AbortSignal): Promise<VolumeState> =>
        away ? behind(host) : await volume.observe(signal);
      return {
        name: volume.name,
        observe: async (signal) => await (seen ??= observe(signal)),
        attach: async (signal) => await volume.attach(signal),
        init: async (signal) => await volume.init(signal),
        examine: async (signal) =>
          away
            ? [notExamined("host-away", `volume ${access.name}`, `host ${host} is away`)]
            : await volume.examine(signal),
      };
    },
  };
}

function behind(host: string): VolumeState {
  return { kind: "away", code: "host-away", reason: `host ${host} is away` };
}

/** Examines each of these volumes. */
export async function examineVolumes(
  program: Program,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const each = await Promise.all(
    names.map(async (name) => {
      const look = async () => await examineVolume(program, name, signal);
      return await looked(`volume ${name}`, look);
    }),
  );
  return each.flat();
}

async function examineVolume(
  program: Program,
  name: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const volume = openVolume(program, name, noLedger);
  const findings = await volume.examine(signal);
  const state = await volume.observe(signal);
  return state.kind === "mounted" ? [...findings, spaceOn(program, name, state)] : findings;
}

function spaceOn(
  program: Program,
  name: string,
  { path, freeBytes }: Extract<VolumeState, { kind: "mounted" }>,
): Finding {
  const subject = `volume ${name}`;
  const free = `${formatSize(freeBytes)} free`;
  if (freeBytes >= littleSpaceBytes) return ok("space", subject, free);
  const host = program.hosts.get(program.config.volumes.get(name)?.host);
  const hint = `holdfast forget, then holdfast prune; or make room, what takes it is shown by: ${showLineOn(host, `du -xh --max-depth=1 -- ${path}`)}`;
  return { code: "space-low", severity: "warning", subject, message: `only ${free}`, hint };
}
