// Knows: how a test gets a program of another Debian release. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** Where the program is, or why it could not be had. */
export type Fetched =
  | { readonly kind: "there"; readonly path: string }
  | { readonly kind: "missing"; readonly reason: string };

/** A program as a release of Debian has it. */
export interface DebianProgram {
  readonly suite: string;
  readonly package: string;
  /** Its name in /usr/bin. */
  readonly program: string;
  /** What it is called here. */
  readonly name: string;
}

/**
 * Fetches a program into the folder `.runtime` of this clone, once for all runs. In CI it is an error
 * when it cannot be had, here a reason to skip.
 */
export async function fetchProgram(wanted: DebianProgram): Promise<Fetched> {
  const path = join(root, ".runtime/debian", wanted.name);
  if (existsSync(path)) return { kind: "there", path };
  const script = join(import.meta.dirname, "debian-program.sh");
  try {
    await execute("sh", [script, wanted.suite, wanted.package, wanted.program, path], {
      timeout: 120_000,
    });
    return { kind: "there", path };
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    const reason = said === "" ? String(error) : said;
    if (process.env["CI"] === "true") throw new Error(reason, { cause: error });
    return { kind: "missing", reason };
  }
}
