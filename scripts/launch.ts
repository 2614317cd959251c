// The first file that Node reads: it becomes dist/holdfast.cjs. The build writes it so that every Node
// from 14 on understands it: an old one gets a sentence and not a syntax error.
import { lstatSync, mkdirSync } from "fs";
import * as module from "module";
import { join } from "path";

/** The main file of the bundle, relative to this one. The build fills it in. */
declare const MAIN: string;

/** Where compiled code is kept: a folder in which nobody else can put something, for it is run. */
function cacheDirectory(): string | undefined {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME, HOME } = process.env;
  const user = XDG_CACHE_HOME ?? (HOME === undefined ? "" : join(HOME, ".cache"));
  const directory = CACHE_DIRECTORY?.split(":")[0] ?? join(user, "holdfast", "compiled");
  if (!directory.startsWith("/")) return undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(directory);
    return uid === process.geteuid?.() && (mode & 0o022) === 0 ? directory : undefined;
  } catch {
    // Without a cache it starts a little slower, and that is all.
    return undefined;
  }
}

/** Early releases of Node 24 call node:sqlite experimental, on stderr, at every start. */
function hideExperimentalWarnings(): void {
  const emit = process.emitWarning.bind(process);
  process.emitWarning = (...warning: readonly unknown[]): void => {
    if (warning[1] !== "ExperimentalWarning") Reflect.apply(emit, process, warning);
  };
}

if (Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(
    `error: Holdfast needs Node 24 or newer, and this is ${process.version}\nhint: https://nodejs.org/download\n`,
  );
  process.exit(1);
}
const directory = cacheDirectory();
if (directory !== undefined) module.enableCompileCache(directory);
hideExperimentalWarnings();
require(MAIN);
