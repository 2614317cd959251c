// Knows: which versions of restic are tested, and where they come from. Must not know: what is tested with them.
import { fetchProgram } from "./debian-program.ts";

/** One restic to test with. */
export interface ResticVersion {
  readonly version: "0.14" | "0.18" | "0.19";
  /** Its program; empty when `skip` says why there is none. */
  readonly program: string;
  /** For `skip` of a test: false, or why it cannot run here. */
  readonly skip: string | false;
}

const suites = [
  ["0.14", "bookworm"],
  ["0.18", "trixie"],
  ["0.19", "sid"],
] as const;

/** The oldest restic that is driven, and two newer ones, from Debian's archive. */
export const resticVersions: readonly ResticVersion[] = await Promise.all(
  suites.map(async ([version, suite]): Promise<ResticVersion> => {
    const name = `restic-${version}`;
    const fetched = await fetchProgram({ suite, package: "restic", program: "restic", name });
    return fetched.kind === "there"
      ? { version, program: fetched.path, skip: false }
      : { version, program: "", skip: fetched.reason };
  }),
);
