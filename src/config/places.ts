// Knows: how a place is written in the configuration. Must not know: what is kept there.
import { posix } from "node:path";
import type { Place } from "../kernel/place.ts";
import { didYouMean } from "./suggest.ts";

/** What the meaning of a place depends on. */
export interface Surroundings {
  /** The names of the configured volumes. */
  readonly volumes: readonly string[];
  /** The home directory, absolute: what `~` means. */
  readonly home: string;
}

/** A place, or why a text is none. */
export type Placement =
  | { readonly place: Place }
  | { readonly message: string; readonly hint?: string };

// A repository at "s3:…" is a service, whatever else is configured.
const serviceNotations = [
  "s3",
  "rest",
  "sftp",
  "b2",
  "azure",
  "gs",
  "swift",
  "rclone",
  "local",
  "http",
  "https",
];

/**
 * Why a volume cannot have a name, or nothing. Names that the notation of restic's repositories
 * already means something by would make a place ambiguous; so would a drive letter on Windows.
 */
export function volumeNameProblem(
  name: string,
  platform: NodeJS.Platform,
): { readonly message: string; readonly hint?: string } | undefined {
  if (serviceNotations.includes(name.toLowerCase())) {
    return {
      message: `"${name}:" already means a kind of storage service`,
      hint: "choose another name for the volume",
    };
  }
  if (platform === "win32" && /^[A-Za-z]$/.test(name)) {
    return {
      message: "a single letter means a drive",
      hint: "choose a longer name for the volume",
    };
  }
  return undefined;
}

/** Expands a leading `~`. Other texts stay as they are. */
export function expandHome(text: string, home: string): string {
  return text === "~" || text.startsWith("~/") ? home + text.slice(1) : text;
}

/** Reads a path that cannot be on a volume. */
export function absolutePath(text: string, home: string): Placement {
  const path = expandHome(text, home);
  if (isAbsolute(path)) return { place: { path } };
  if (text.startsWith("~")) {
    return { message: "only ~ alone means a home directory, your own", hint: "write it out" };
  }
  return {
    message: "is a relative path, whose meaning would depend on where holdfast is started",
    hint: `write an absolute path, or begin with ~/ for the home directory`,
  };
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\\\");
}

/** Reads the path of a volume, which belongs to the machine that the volume is on. */
export function volumePath(
  { path, host }: { readonly path: string; readonly host?: string | undefined },
  home: string,
): Placement {
  if (host === undefined) return absolutePath(path, home);
  if (path.startsWith("/")) return { place: { path } };
  return {
    message: `is a path on host "${host}" and must be absolute`,
    hint: path.startsWith("~")
      ? "~ is a directory of this machine: write the path out"
      : "begin with /",
  };
}

/** Reads `VOLUME:PATH` or a path of this machine. */
export function placeOf(text: string, surroundings: Surroundings): Placement {
  const prefix = prefixOf(text);
  if (prefix === undefined) {
    const absolute = absolutePath(text, surroundings.home);
    if ("place" in absolute || text.startsWith("~")) return absolute;
    const { hint } = relativeHint(text, surroundings);
    return { ...absolute, hint };
  }
  if (surroundings.volumes.includes(prefix)) {
    return onVolume(prefix, text.slice(prefix.length + 1));
  }
  return unknownVolume(prefix, surroundings);
}

/** Reads where a repository is: as `placeOf` does, or in the notation of the engine's own tool. */
export function placeOfRepository(
  { at, localPath }: { readonly at: string; readonly localPath?: string | undefined },
  surroundings: Surroundings,
): Placement {
  const prefix = prefixOf(at);
  if (prefix !== undefined && !surroundings.volumes.includes(prefix)) {
    if (prefix === "local") return absolutePath(localPath ?? at.slice(6), surroundings.home);
    if (serviceNotations.includes(prefix)) return { place: { path: at } };
    const services = didYouMean(prefix, serviceNotations);
    if (services !== "" && didYouMean(prefix, surroundings.volumes) === "") {
      return {
        message: `"${prefix}:" is neither a volume nor a kind of storage service${services}`,
      };
    }
  }
  return placeOf(localPath ?? at, surroundings);
}

// What stands before the first colon, unless it is a path or a drive of Windows.
function prefixOf(text: string): string | undefined {
  return isAbsolute(text) ? undefined : /^([^:/\\]+):/.exec(text)?.[1];
}

function onVolume(volume: string, text: string): Placement {
  const path = posix.normalize(`./${text}`).replace(/\/$/, "");
  if (path === ".." || path.startsWith("../")) {
    return { message: `leads out of the volume "${volume}"` };
  }
  return { place: { volume, path: path === "." ? "" : path } };
}

function unknownVolume(prefix: string, { volumes }: Surroundings): Placement {
  const message = `there is no volume "${prefix}"${didYouMean(prefix, volumes)}`;
  if (message.endsWith("?")) return { message };
  return {
    message,
    hint:
      volumes.length > 0
        ? `the volumes are ${volumes.join(", ")}; a path begins with / or ~`
        : "volumes are described under the key volumes; a path begins with / or ~",
  };
}

function relativeHint(text: string, { volumes }: Surroundings): { readonly hint: string } {
  const [first = ""] = text.split("/");
  const meant = volumes.find((name) => name === first);
  if (meant !== undefined && text.includes("/")) {
    return { hint: `for a place on the volume write ${meant}:${text.slice(meant.length + 1)}` };
  }
  return { hint: "write an absolute path, ~/PATH, or VOLUME:PATH" };
}
