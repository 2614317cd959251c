// Knows: whether the tools that jobs need are there, on each machine that needs them. Must not know: what they do.
import type { Job } from "../config/config.ts";
import type { ToolRequirement } from "../engines/engine.ts";
import type { Command, Host } from "../hosts/host.ts";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import { looked, ok } from "./doctor-finding.ts";
import { hostOf, placedRepository, repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";

/** The tools that are needed on one machine, each once. */
export interface ToolsOfHost {
  readonly host: Host;
  readonly needs: readonly ToolRequirement[];
}

const ssh = { tool: "ssh", versionArguments: ["-V"], package: "openssh-client" };

/**
 * What these jobs need where: an engine's tools are needed on the repository's machine, on those of
 * the sources where it reads them there, and for a copy on both sides. Only of machines that answer.
 */
export function toolsNeeded(
  program: Program,
  jobs: readonly Job[],
  awayHosts: ReadonlySet<string>,
): readonly ToolsOfHost[] {
  const places = jobs.flatMap((job) => needsOf(program, job));
  if (places.some(({ host }) => host.remote !== undefined)) {
    places.push({ host: program.hosts.here, need: ssh });
  }
  const reachable = places.filter(
    ({ host }) => host.remote === undefined || !awayHosts.has(host.name),
  );
  return [...Map.groupBy(reachable, ({ host }) => machineOf(host)).values()].flatMap((ofHost) => {
    const [first] = ofHost;
    if (first === undefined) return [];
    const needs = new Map(ofHost.map(({ need }) => [JSON.stringify(need), need]));
    return [{ host: first.host, needs: [...needs.values()] }];
  });
}

/** Another machine may have been given the name that this one has here. */
function machineOf({ name, remote }: Host): string | undefined {
  return remote === undefined ? undefined : name;
}

function needsOf(program: Program, job: Job): { host: Host; need: ToolRequirement }[] {
  return repositoriesOf(job).flatMap((name) => {
    const { spec, place } = placedRepository(program, name);
    const hosts = new Set([hostOf(program, place)]);
    if (name !== job.repository) {
      hosts.add(hostOf(program, placedRepository(program, job.repository).place));
    } else if (spec.readsOtherHosts) {
      for (const source of job.sources) hosts.add(hostOf(program, source.place));
    }
    return [...hosts].flatMap((host) => spec.needs.map((need) => ({ host, need })));
  });
}

/** Looks for tools and their versions: one round trip a machine. */
export async function examineTools(
  { host, needs }: ToolsOfHost,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const subject = host.remote === undefined ? "tools" : `host ${host.name}`;
  return await looked(subject, async () => {
    const answers =
      host.remote === undefined
        ? await Promise.all(needs.map(async (need) => await askHere(host, need, signal)))
        : await askThere(host, needs, signal);
    return needs.map((need, index) => findingOf(host, need, answers[index] ?? silence));
  });
}

/** What a tool said of itself, or why it said nothing. */
type Answer = { readonly said: string } | { readonly missing: string; readonly code: string };

const silence: Answer = { code: "command-failed", missing: "its version cannot be asked for" };

/** A tool that says nothing for so long hangs. */
const timeoutMs = 30_000;

async function askHere(host: Host, need: ToolRequirement, signal: AbortSignal): Promise<Answer> {
  const argv: Command["argv"] = [need.tool, ...need.versionArguments];
  try {
    const { stdout, stderr } = await host.run({ argv, effect: "reads", timeoutMs }, signal);
    return { said: `${stdout}\n${stderr}` };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    return { missing: error.message, code: error.code };
  }
}

// Control characters that no tool prints: of records and of units.
const record = "\u001e";
const unit = "\u001f";

// For each tool two words: its name, and the arguments, one a line.
const askingScript = String.raw`
set -f
IFS='
'
while [ "$#" -ge 2 ]; do
  printf '\036'
  if command -v "$1" >/dev/null 2>&1; then
    "$1" $2 </dev/null 2>&1
    printf '\037%s' "$?"
  else
    printf '\037missing'
  fi
  shift 2
done`;

async function askThere(
  host: Host,
  needs: readonly ToolRequirement[],
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const words = needs.flatMap(({ tool, versionArguments }) => [tool, versionArguments.join("\n")]);
  const argv: Command["argv"] = ["sh", "-c", askingScript, "sh", ...words];
  const { stdout } = await host.run({ argv, effect: "reads", timeoutMs }, signal);
  const records = stdout.split(record).slice(1);
  return needs.map(({ tool }, index): Answer => {
    const [said = "", status] = (records[index] ?? "").split(unit);
    if (status === "missing") return { code: "tool-missing", missing: `${tool} was not found` };
    if (status === "0") return { said };
    const reason = said.trim().split("\n")[0] ?? "";
    return { code: "command-failed", missing: `${tool} does not run there: ${reason}` };
  });
}

function findingOf(host: Host, need: ToolRequirement, answer: Answer): Finding {
  const { tool, minimum, advised, unlike } = need;
  const subject = host.remote === undefined ? tool : `${tool} on ${host.name}`;
  const hint = showLineOn(host, `sudo apt-get install ${need.package}`);
  const wrong = (code: string, message: string): Finding => {
    return { code, severity: "error", subject, message, hint };
  };
  if ("missing" in answer) return wrong(answer.code, answer.missing);
  const version = /\d+\.\d+(\.\d+)?/.exec(answer.said)?.[0] ?? "unknown";
  if (unlike !== undefined && answer.said.includes(unlike.says)) {
    return wrong("tool-unsuitable", unlike.why);
  }
  if (minimum !== undefined && isOlder(version, minimum)) {
    return wrong("tool-too-old", `${tool} is version ${version}; at least ${minimum} is needed`);
  }
  if (advised !== undefined && isOlder(version, advised.version)) {
    const message = `${tool} is version ${version}; ${advised.version} is advised: ${advised.why}`;
    return { code: "tool-outdated", severity: "warning", subject, message, hint };
  }
  return ok("tool", subject, `version ${version}`);
}

/** Compares versions number by number. What is not a number counts as oldest. */
function isOlder(version: string, minimum: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of minimum.split(".").map(Number).entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return !(part > wanted);
  }
  return false;
}
