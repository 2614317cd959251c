// Knows: btrbk.conf, and what of it is taken over. Must not know: any other tool.
import { posix } from "node:path";
import type { Entry, Imported } from "../imported.ts";
import type { Line } from "../line-text.ts";
import type { Reader, Reading } from "../reader.ts";

/** Snapshots of subvolumes, sent to targets. */
export const btrbk: Reader = {
  name: "btrbk",
  title: "btrbk",
  formats: ["lines"],
  recognises: (_, lines) =>
    lines.some(({ key }) => key === "subvolume") ||
    lines.some(({ key }) => key === "snapshot_preserve"),
  read(reading) {
    const { report } = reading;
    const wanted = treeOf(reading).filter(({ line, path }) => {
      const message = reasonAgainst(path);
      if (message !== undefined) report.judge([line.name], "unmapped", { message });
      return message === undefined;
    });
    if (wanted.length === 0)
      report.problem(["1"], "names no subvolume that can be backed up", "key");
    report.throwProblems();
    for (const subvolume of wanted) addSubvolume(reading, subvolume);
  },
};

/** Why a subvolume is not taken over: a sentence. */
function reasonAgainst(path: string): string | undefined {
  if (path.includes("*")) return "stands for several subvolumes: write a job for each";
  if (path.startsWith("/")) return undefined;
  return "is on another machine: run Holdfast there, with a copy to this one";
}

type Options = ReadonlyMap<string, string>;

interface Subvolume {
  readonly line: Line;
  readonly volume: string;
  readonly path: string;
  readonly options: Options;
  readonly targets: readonly Target[];
}

/** What options and targets stand in, with what is around it. */
interface Scope {
  readonly options: Map<string, string>;
  readonly targets: Target[];
  readonly above: Scope | undefined;
  /** Of a volume and of a subvolume. */
  readonly path: string;
}

interface Target {
  readonly line: Line;
  readonly url: string;
  readonly type: string;
  readonly options: Map<string, string>;
}

function scopeIn(above: Scope | undefined, path: string): Scope {
  return { options: new Map(), targets: [], above, path };
}

/** What stands in it, with the options that each subvolume and target has from what is around it. */
function treeOf({ lines, report }: Reading): readonly Subvolume[] {
  const top = scopeIn(undefined, "");
  let volume = top;
  let scope = top;
  let target: Target | undefined;
  const found: { readonly line: Line; readonly scope: Scope }[] = [];
  for (const line of lines) {
    const { key, value } = line;
    if (key === "volume") {
      volume = scopeIn(top, value);
      scope = volume;
      target = undefined;
      report.judge([line.name], "mapped", { to: "jobs" });
    } else if (key === "subvolume") {
      scope = scopeIn(volume, posix.join(volume.path, value));
      target = undefined;
      found.push({ line, scope });
    } else if (key === "target") {
      const [url = "", type = "send-receive"] = value.split(/\s+/).toReversed();
      target = { line, url, type, options: new Map() };
      scope.targets.push(target);
    } else {
      (target ?? scope).options.set(key, value);
      judgeOption(report, line);
    }
  }
  return found.map(({ line, scope: { path, above, ...own } }) => {
    const around = [...scopesAbove(above), { path, above, ...own }];
    return {
      line,
      path,
      volume: above?.path === "" || above === undefined ? posix.dirname(path) : above.path,
      options: new Map(around.flatMap(({ options }) => [...options])),
      targets: around.flatMap(({ targets }) => targets),
    };
  });
}

function scopesAbove(scope: Scope | undefined): readonly Scope[] {
  return scope === undefined ? [] : [...scopesAbove(scope.above), scope];
}

const kept = new Set([
  "snapshot_dir",
  "snapshot_name",
  "snapshot_preserve",
  "snapshot_preserve_min",
  "target_preserve",
  "target_preserve_min",
  "ssh_identity",
  "ssh_user",
  "ssh_port",
  "incremental",
  "backend",
]);
const unneeded: Readonly<Record<string, string>> = {
  transaction_log: "what happened is in the journal: holdfast history",
  transaction_syslog: "what happened is in the journal: holdfast history",
  lockfile: "Holdfast keeps its own locks",
  stream_buffer: "bytes go from process to process",
  snapshot_create: "a run makes a snapshot",
  timestamp_format: "names are always local time to the second",
  btrfs_commit_delete: "it is always so",
  stream_compress: "ssh compresses with options: { Compression: true } of the host",
};

function judgeOption(report: Reading["report"], { name, key }: Line): void {
  const why = unneeded[key];
  if (kept.has(key)) report.judge([name], "mapped", { to: placeOf(key) });
  else if (why !== undefined) report.judge([name], "unneeded", { message: why });
}

function placeOf(key: string): string {
  if (key.startsWith("ssh_")) return "hosts";
  if (key === "snapshot_name") return "jobs";
  return key.includes("preserve") ? "repositories keep" : "repositories";
}

function addSubvolume({ imported, report }: Reading, subvolume: Subvolume): void {
  const { line, path, options, volume, targets } = subvolume;
  // btrbk's own names begin with it: that is where they are looked for.
  const wanted = options.get("snapshot_name") ?? posix.basename(path);
  const name = imported.nameFor("jobs", wanted || "root");
  // Without one, btrbk makes them beside the subvolumes, where a folder of that name is one.
  const folder = posix.join(
    posix.resolve(volume, options.get("snapshot_dir") ?? "btrbk_snapshots"),
    name,
  );
  const common = {
    engine: "btrfs",
    sudo: /sudo/.test(options.get("backend") ?? "") ? true : undefined,
  };
  const repository = imported.add("repositories", name, {
    ...common,
    at: folder,
    keep: keepOf(options, "snapshot"),
  });
  imported.comment(
    ["repositories", repository],
    "A new folder: btrbk's snapshots beside it are called NAME.TIME and stay where they are. The guide says how they are taken along.",
  );
  const copies = targets.flatMap((target) => {
    const at = targetPlace(imported, target, name);
    if (at === undefined) {
      report.judge([target.line.name], "unmapped", {
        message: "is no folder of a btrfs: such targets are not driven",
      });
      return [];
    }
    report.judge([target.line.name], "mapped", { to: `jobs.${name}.copies` });
    return imported.add("repositories", `${name}-target`, {
      ...common,
      at,
      keep: keepOf(new Map([...options, ...target.options]), "target"),
    });
  });
  imported.add("jobs", name, {
    sources: [{ subvolume: path }],
    repository,
    copies: copies.length === 0 ? undefined : copies,
  });
  report.judge([line.name], "changed", {
    to: `jobs.${name}`,
    message:
      "snapshots are named by their time alone, in a folder for each subvolume: those of btrbk are continued once they are renamed into it",
  });
}

function targetPlace(
  imported: Imported,
  { url, type, options }: Target,
  name: string,
): string | undefined {
  const ssh = /^(?:ssh:\/\/)([^/:]+)(?::(\d+))?(\/.*)$|^([^/:]+):(\/.*)$/.exec(url);
  const path = ssh === null ? url : (ssh[3] ?? ssh[5] ?? "");
  if (!path.startsWith("/") || type !== "send-receive") return undefined;
  const host =
    ssh === null
      ? undefined
      : hostFor(imported, { address: ssh[1] ?? ssh[4] ?? "", port: ssh[2], options });
  const known = imported
    .entries("volumes")
    .find(([, entry]) => entry["path"] === path && entry["host"] === host);
  const volume =
    known?.[0] ?? imported.add("volumes", posix.basename(path) || "target", { host, path });
  return `${volume}:${name}`;
}

function hostFor(
  imported: Imported,
  {
    address,
    port,
    options,
  }: { readonly address: string; readonly port: string | undefined; readonly options: Options },
): string {
  const [user, machine] = address.includes("@")
    ? address.split("@")
    : [options.get("ssh_user"), address];
  const name = machine ?? address;
  const known = imported.entries("hosts").find(([each]) => each === name);
  if (known !== undefined) return known[0];
  return imported.add("hosts", name, {
    addresses: [name],
    user: user === "no" ? undefined : user,
    port: port === undefined ? undefined : Number(port),
    key: options.get("ssh_identity"),
  });
}

const units: Readonly<Record<string, string>> = {
  h: "hourly",
  d: "daily",
  w: "weekly",
  m: "monthly",
  y: "yearly",
};

/** `14d 10w *m`, and what is kept in any case. */
function keepOf(options: Options, side: "snapshot" | "target"): Entry | undefined {
  const preserve = options.get(`${side}_preserve`) ?? "";
  const least = options.get(`${side}_preserve_min`) ?? "all";
  if (least === "all") return undefined;
  const rules = [...preserve.matchAll(/(\d+|\*)([hdwmy])/g)].flatMap(([, count = "", unit = ""]) =>
    count === "0"
      ? []
      : [[units[unit] ?? "", count === "*" ? "unlimited" : Number(count)] as const],
  );
  const span = /^(\d+)([hdwmy])$/.exec(least);
  return {
    ...(least === "latest" || rules.length === 0 ? { last: 1 } : {}),
    ...Object.fromEntries(rules),
    ...(span === null || span[1] === "0" ? {} : { within: `${span[1]}${span[2]}` }),
  };
}
