// Knows: what a file system keeps of a file besides what everybody looks at. Must not know: who is to keep it too.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Programs that this file needs, for `withoutTools`. */
export const attributeTools = ["setfattr", "getfattr", "setfacl", "getfacl"] as const;

/** Gives some of what `makeHostileTree` makes extended attributes and access control lists. */
export async function addAttributes(tree: string): Promise<void> {
  const attribute = async (name: string, value: string, path: string): Promise<void> => {
    await execute("setfattr", ["-n", name, "-v", value, "--", `${tree}/${path}`]);
  };
  await attribute("user.origin", "somewhere else", "large");
  await attribute("user.bytes", "0x00ff0a0d", "names/line\nfeed");
  await attribute("user.empty", "", "empty");
  await execute("setfacl", ["-m", "u:65534:rw,g:12345:r", "--", `${tree}/program`]);
  await execute("setfacl", ["-m", "d:u:65534:rx", "--", `${tree}/private`]);
}

/** All extended attributes and access control lists of a tree, as text: equal for equal trees. */
export async function attributesOf(tree: string): Promise<string> {
  const options = { cwd: tree, maxBuffer: 1 << 26 };
  const xattrs = ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."];
  const [attributes, lists] = await Promise.all([
    execute("getfattr", xattrs, options),
    execute("getfacl", ["-R", "-P", "-n", "."], options),
  ]);
  // In which order a folder lists its files is its own business.
  return [attributes, lists].flatMap(({ stdout }) => stdout.split("\n\n").toSorted()).join("\n");
}
