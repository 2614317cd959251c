// Knows: what a real occ was seen to print. Must not know: what is made of it.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { nextcloudFixtures } from "./nextcloud.ts";

const Head = z.object({
  command: z.array(z.string()),
  exit: z.number(),
  state: z.string().optional(),
});

/** One call of occ: its words after `php occ`, and how it ended. */
export interface Capture {
  /** Such as `configuration/truncated/status-json`. */
  readonly name: string;
  readonly words: readonly string[];
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Every capture whose name begins so. */
export function occCaptures(prefix = ""): readonly Capture[] {
  const folder = join(nextcloudFixtures, "occ");
  const captures = globSync("**/*.txt", { cwd: folder })
    .map((path) => path.replace(/\.txt$/, ""))
    .filter((name) => name.startsWith(prefix) && !/^(?:http|cron)\//.test(name))
    .toSorted();
  if (captures.length === 0) throw new Error(`no capture begins with ${prefix}`);
  return captures.map((name) => parse(name, readFileSync(join(folder, `${name}.txt`), "utf8")));
}

/** The one of this name. */
export function occCapture(name: string): Capture {
  const found = occCaptures(name).find((capture) => capture.name === name);
  if (found === undefined) throw new Error(`there is no capture ${name}`);
  return found;
}

function parse(name: string, text: string): Capture {
  const [first = "", ...lines] = text.split("\n");
  const head = Head.parse(JSON.parse(first));
  const rest = lines.join("\n");
  const [, stdout = "", stderr = ""] =
    /^--- stdout\n([\s\S]*?)--- stderr\n?([\s\S]*)$/.exec(rest) ?? [];
  const words = head.command.slice(head.command.indexOf("occ") + 1);
  const withoutNote = stdout.replace(/\n\(no newline at the end\)\n$/, "");
  return { name, words, exitStatus: head.exit, stdout: withoutNote, stderr };
}
