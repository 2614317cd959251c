// Knows: where a program would be found. Must not know: what it does.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, resolve } from "node:path";

/** Where a program is, or why it cannot be run. */
export type Executable =
  | { readonly kind: "found"; readonly path: string }
  | { readonly kind: "not-executable"; readonly path: string }
  | { readonly kind: "missing" };

/**
 * Finds a program as a shell would, without starting anything: a name with a slash is a path
 * (relative to `cwd`), any other is looked up in PATH.
 */
export function findExecutable(
  name: string,
  env: NodeJS.ProcessEnv,
  cwd: string = process.cwd(),
): Executable {
  let refused: Executable | undefined;
  for (const path of candidates(name, env, cwd)) {
    const found = look(path);
    if (found.kind === "found") return found;
    if (found.kind === "not-executable") refused ??= found;
  }
  return refused ?? { kind: "missing" };
}

function candidates(name: string, env: NodeJS.ProcessEnv, cwd: string): readonly string[] {
  // An empty name would find the folders of PATH themselves.
  if (name === "" || name.includes("\0")) return [];
  const windows = process.platform === "win32";
  const isPath = name.includes("/") || (windows && (name.includes("\\") || isAbsolute(name)));
  const folders = isPath ? [""] : (env["PATH"] ?? env["Path"] ?? "").split(delimiter);
  const endings = windows ? ["", ...(env["PATHEXT"] ?? ".EXE").split(";")] : [""];
  // POSIX: an empty entry of PATH means the current folder.
  return folders.flatMap((folder) => endings.map((ending) => resolve(cwd, folder, name + ending)));
}

function look(path: string): Executable {
  try {
    if (!statSync(path).isFile()) return { kind: "missing" };
  } catch {
    // Missing, or in a folder that this user may not enter: for a shell, too, it is not there.
    return { kind: "missing" };
  }
  try {
    accessSync(path, constants.X_OK);
    return { kind: "found", path };
  } catch {
    return { kind: "not-executable", path };
  }
}
