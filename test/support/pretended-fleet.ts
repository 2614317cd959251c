// Knows: machines, volumes and repositories that only pretend, and count who asks them. Must not know: what is tested.
import { writeFile } from "node:fs/promises";
import type { Config, Job, PlacedRepository } from "../../src/config/config.ts";
import type { Repository, RepositorySpec, ToolRequirement } from "../../src/engines/engine.ts";
import type { Command, CommandResult, Host } from "../../src/hosts/host.ts";
import { openHosts, anywhere, type HostSpec } from "../../src/hosts/hosts.ts";
import type { Finding } from "../../src/kernel/finding.ts";
import type { Program } from "../../src/jobs/program.ts";
import type { PlacedSource, SourceState } from "../../src/sources/source.ts";
import type { VolumeSpec, VolumeState } from "../../src/volumes/volume.ts";
import { aJob, noon } from "./fixtures.ts";
import { aProgram } from "./program.ts";
import { commandResult, end } from "./scripted-host.ts";

/** How one thing of the fleet behaves. What is absent is well. */
export interface Behaviour {
  readonly hosts?: Readonly<Record<string, readonly Finding[]>>;
  readonly volumes?: Readonly<Record<string, VolumeState>>;
  readonly sources?: Readonly<Record<string, SourceState | Error>>;
  /** What a repository answers when it is asked for its snapshots. */
  readonly repositories?: Readonly<Record<string, Error>>;
  readonly examined?: Readonly<Record<string, readonly Finding[]>>;
  /** What a tool prints for its version; a number: it is not there, or ends so. */
  readonly tools?: Readonly<Record<string, string | number>>;
  readonly needs?: readonly ToolRequirement[];
  readonly secret?: Program["secret"];
}

/** A job of the fleet: `HOST:NAME` is a volume of that host, `:NAME` one of this machine. */
export interface FleetJob extends Partial<Omit<Job, "sources" | "copies">> {
  readonly from: string;
  readonly to: string;
  readonly copies?: readonly string[];
}

/** A program whose machines pretend. */
export interface Fleet extends AsyncDisposable {
  readonly program: Program;
  /** Who was asked how often, such as `host nas` and `volume usb`. */
  readonly asked: ReadonlyMap<string, number>;
}

const well: VolumeState = { kind: "mounted", path: "/mnt/well", freeBytes: 1e12 };

/** A program with these jobs. Its configuration's file holds `text`. */
export async function aFleet(
  jobs: readonly FleetJob[],
  behaviour: Behaviour = {},
  text = "{}",
): Promise<Fleet> {
  const counted = new Map<string, number>();
  const count = (what: string): void => void counted.set(what, (counted.get(what) ?? 0) + 1);
  const places = jobs.flatMap(({ from, to, copies = [] }) => [from, to, ...copies]);
  const hosts = new Map(
    places.flatMap((place) => {
      const { host } = placeOf(place);
      return host === undefined ? [] : [[host, hostSpec(host, behaviour, count)] as const];
    }),
  );
  const volumes = new Map(
    places.map((place) => [placeOf(place).volume, volumeSpec(place, behaviour, count)]),
  );
  const repositories = new Map(
    jobs
      .flatMap(({ to, copies = [] }) => [to, ...copies])
      .map((place) => [placeOf(place).volume, repositoryOn(place, behaviour, count)]),
  );
  const config: Partial<Config> = { hosts, volumes, repositories };
  const made = await aProgram({
    jobs: jobs.map((job) => jobOf(job, behaviour)),
    now: noon,
    config,
  });
  await writeFile(made.program.config.file, text, { mode: 0o600 });
  const here = hostNamed("here", behaviour, count);
  const opened = openHosts({ here, specs: hosts, choice: anywhere });
  const { secret = made.program.secret } = behaviour;
  return {
    program: { ...made.program, hosts: opened, secret },
    asked: counted,
    [Symbol.asyncDispose]: async () => await made[Symbol.asyncDispose](),
  };
}

function placeOf(text: string): { readonly host?: string; readonly volume: string } {
  const [host = "", volume = ""] = text.split(":");
  return host === "" ? { volume } : { host, volume };
}

function jobOf({ from, to, copies = [], ...more }: FleetJob, behaviour: Behaviour): Job {
  const { volume } = placeOf(from);
  const label = `${volume}:data`;
  const state = behaviour.sources?.[volume] ?? { kind: "ready", empty: false };
  const source: PlacedSource = {
    place: { volume, path: "data" },
    spec: {
      kind: "paths",
      label,
      at: label,
      open: ({ location }) => ({
        label,
        paths: [location],
        observe: async () =>
          await (state instanceof Error ? Promise.reject(state) : Promise.resolve(state)),
        prepare: unasked("to prepare a source"),
      }),
    },
  };
  return aJob({
    sources: [source],
    repository: placeOf(to).volume,
    copies: copies.map((copy) => placeOf(copy).volume),
    ...more,
  });
}

type Count = (what: string) => void;

function hostNamed(name: string, behaviour: Behaviour, count: Count): Host {
  const remote = {
    shell: ["ssh"],
    destination: name,
    typed: ["ssh", `backup@${name}.lan`],
    through: (command: Command) => command,
  } as const;
  return {
    name,
    ...(name === "here" ? {} : { remote }),
    reach: async () => {},
    async run(command): Promise<CommandResult> {
      count(`command on ${name}`);
      return await answer(command, name, behaviour.tools ?? {});
    },
    pipe: unasked("a pipeline"),
    inspect: unasked("to look at paths"),
    scratch: unasked("a scratch directory"),
  };
}

/** Answers `TOOL …` and the script that asks for several tools at once. */
async function answer(
  command: Command,
  host: string,
  tools: NonNullable<Behaviour["tools"]>,
): Promise<CommandResult> {
  const [program, , , , ...words] = command.argv;
  const sayOf = (tool: string) => tools[`${tool} on ${host}`] ?? tools[tool] ?? `${tool} 9.9.9`;
  if (program !== "sh") {
    const said = sayOf(program);
    return end(command, typeof said === "number" ? { exitStatus: said } : { stdout: said }, {});
  }
  const asked = words.filter((_, index) => index % 2 === 0);
  const stdout = asked
    .map((tool) => {
      const said = sayOf(tool);
      if (said === 127) return "\u001e\u001fmissing";
      return typeof said === "number" ? `\u001ebroken\u001f${said}` : `\u001e${said}\u001f0`;
    })
    .join("");
  return commandResult({ stdout });
}

function hostSpec(name: string, behaviour: Behaviour, count: Count): HostSpec {
  const host = hostNamed(name, behaviour, count);
  return {
    locations: [],
    jumps: [],
    open: () => ({
      host,
      async examine() {
        count(`host ${name}`);
        const fine = { code: "host", severity: "ok", subject: `host ${name}`, message: "answers" };
        return behaviour.hosts?.[name] ?? [{ ...fine, severity: "ok" as const }];
      },
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

function volumeSpec(place: string, behaviour: Behaviour, count: Count): VolumeSpec {
  const { host, volume } = placeOf(place);
  const state = behaviour.volumes?.[volume] ?? well;
  return {
    ...(host === undefined ? {} : { host }),
    marker: true,
    open: ({ name }) => ({
      name,
      async observe() {
        count(`volume ${name}`);
        return await Promise.resolve(state);
      },
      attach: unasked("to attach a volume"),
      init: unasked("to mark a volume"),
      examine: async () =>
        await Promise.resolve(
          state.kind === "away"
            ? [
                {
                  code: state.code,
                  severity: "away",
                  subject: `volume ${name}`,
                  message: state.reason,
                },
              ]
            : [],
        ),
    }),
  };
}

function repositoryOn(place: string, behaviour: Behaviour, count: Count): PlacedRepository {
  const { volume } = placeOf(place);
  const { repositories = {}, examined = {}, needs = [] } = behaviour;
  const spec: RepositorySpec = {
    engine: "pretended",
    at: place,
    accepts: new Set(["paths"]),
    needs,
    onOtherHosts: true,
    readsOtherHosts: true,
    browsable: true,
    lacks: [],
    open: ({ name, location }): Repository => ({
      name,
      engine: "pretended",
      location,
      exists: unasked("whether a repository exists"),
      init: unasked("to make a repository"),
      backup: unasked("for a backup"),
      copy: unasked("for a copy"),
      async snapshots() {
        count(`repository ${name}`);
        const error = repositories[name];
        return await (error === undefined ? Promise.resolve([]) : Promise.reject(error));
      },
      series: () => ["series"],
      missing: () => [],
      find: unasked("to find a path"),
      forget: unasked("to forget"),
      prune: unasked("to prune"),
      check: unasked("for a check"),
      restore: unasked("to restore"),
      examine: async () => await Promise.resolve(examined[name] ?? []),
      preview: () => [],
    }),
  };
  return { name: volume, spec, place: { volume, path: "repository" } };
}

function unasked(what: string): () => Promise<never> {
  return async () => await Promise.reject(new Error(`nobody should ask ${what} here`));
}
