// Knows: how occ is run, and that its exit status proves nothing. Must not know: what its commands are for.
import * as z from "zod";
import { CommandFailed } from "../hosts/command-failed.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { NextcloudAccess } from "./instance.ts";
import { explainOcc, OccFailed, type OccOutput } from "./occ-trouble.ts";

/** One command of occ. */
export interface OccRequest {
  readonly words: readonly [string, ...string[]];
  /** As of a `Command`. Default: reads. */
  readonly effect?: "reads" | "writes";
  /** In milliseconds. Default: five minutes. */
  readonly timeoutMs?: number;
}

/**
 * Runs one command of occ and returns what it printed. Throws an `OccFailed` that says why it did nothing,
 * also where it ended with 0, `tool-missing` when what starts occ is not there, `timed-out`, `interrupted`.
 * No error holds what it printed on standard output, which may be passwords.
 */
export async function runOcc(
  access: NextcloudAccess,
  request: OccRequest,
  signal: AbortSignal,
): Promise<string> {
  const output = await callOcc(access, request, signal);
  const trouble = explainOcc(output, access);
  if (trouble === undefined) return output.stdout;
  if (access.config === undefined) throw trouble;
  // Once more, with what its hint is better for knowing.
  const owner = await ownerOf(access, access.config, signal);
  throw (
    explainOcc(output, { occ: access.occ, ...(owner === undefined ? {} : { owner }) }) ?? trouble
  );
}

async function callOcc(
  { host, occ }: NextcloudAccess,
  { words, effect = "reads", timeoutMs = 300_000 }: OccRequest,
  signal: AbortSignal,
): Promise<OccOutput> {
  const [program, ...before] = occ;
  try {
    const argv = [program, ...before, ...words] as const;
    return await host.run({ argv, effect, timeoutMs }, signal);
  } catch (error) {
    if (error instanceof CommandFailed) return error.result;
    if (!(error instanceof HoldfastError) || error.code !== "tool-missing") throw error;
    throw new HoldfastError("tool-missing", error.message, {
      hint: `occ is started with "${program}": install it, or correct \`occ\` in the configuration`,
      cause: error,
    });
  }
}

/** The name of the owner of config.php, or the number of one without a name on that machine. */
export async function ownerOf(
  { host }: NextcloudAccess,
  config: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const argv = ["stat", "-L", "-c", "%U %u", "--", `${config}/config.php`] as const;
  try {
    const { stdout } = await host.run({ argv, effect: "reads" }, signal);
    const [name, uid] = stdout.trim().split(" ");
    return name === "UNKNOWN" ? uid : name;
  } catch (error) {
    // It cannot be seen from here: then it is not known.
    if (error instanceof CommandFailed) return undefined;
    throw error;
  }
}

const Status = z.object({
  installed: z.boolean(),
  version: z.string(),
  // Before Nextcloud 25 it says nothing of these.
  maintenance: z.boolean().optional(),
  needsDbUpgrade: z.boolean().optional(),
});

/** What `occ status` says. */
export interface OccStatus {
  readonly version: string;
  readonly inMaintenance: boolean;
  readonly needsUpgrade: boolean;
}

/** Asks Nextcloud how it is. Throws an `OccFailed`, also when it is not installed. */
export async function readStatus(access: NextcloudAccess, signal: AbortSignal): Promise<OccStatus> {
  const stdout = await runOcc(access, { words: ["status", "--output=json"] }, signal);
  const { success, data } = Status.safeParse(jsonIn(stdout));
  if (!success) throw unintelligible("status --output=json");
  if (!data.installed) throw notInstalled(access);
  return {
    version: data.version,
    inMaintenance: data.maintenance ?? (await modeInWords(access, signal)),
    needsUpgrade: data.needsDbUpgrade ?? false,
  };
}

async function modeInWords(access: NextcloudAccess, signal: AbortSignal): Promise<boolean> {
  const stdout = await runOcc(access, { words: ["maintenance:mode"] }, signal);
  const [, state] = /Maintenance mode is currently (enabled|disabled)/.exec(stdout) ?? [];
  if (state === undefined) throw unintelligible("maintenance:mode");
  return state === "enabled";
}

function notInstalled(access: NextcloudAccess): OccFailed {
  const output = { exitStatus: 1, stdout: "", stderr: "Nextcloud is not installed" };
  const trouble = explainOcc(output, access);
  return trouble ?? unintelligible("status");
}

/** The JSON that is in what occ printed, after whatever PHP had to say first. */
export function jsonIn(stdout: string): unknown {
  for (const line of stdout.split("\n")) {
    if (!/^\s*[[{]/.test(line)) continue;
    try {
      return JSON.parse(line);
    } catch {
      // A line of something else that begins like it.
    }
  }
  return undefined;
}

/** occ printed what nobody here understands. */
export function unintelligible(words: string): OccFailed {
  const message = `occ ${words} printed something else than what was asked for`;
  const hint =
    "what `occ` in the configuration starts must be the occ of a Nextcloud, and nothing else";
  return new OccFailed("command-failed", message, { hint, mayPass: true });
}
