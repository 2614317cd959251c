// Knows: what can lie between Holdfast and a database: a container, or a tool that misbehaves. Must not know: which database.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

// As docker does: nothing of this environment gets in, input only when it is asked for, and no terminal is there.
const docker = String.raw`#!/bin/sh
input=no
if [ "$1" = compose ]; then
  shift
  while [ "$1" != exec ]; do shift; done
  shift
  if [ "$1" != -T ]; then echo 'the input device is not a TTY' >&2; exit 1; fi
  shift; input=yes
else
  shift
  if [ "$1" = -i ]; then shift; input=yes; fi
fi
if [ "$1" != db ]; then echo "Error response from daemon: No such container: $1" >&2; exit 1; fi
shift
if [ $input = yes ]; then exec env -i PATH="$PATH" "$@"; fi
exec env -i PATH="$PATH" "$@" </dev/null
`;

/** Writes a program that takes the words of docker and runs the rest of them here. The container is called db. */
export async function pretendedDocker(folder: string): Promise<string> {
  const file = join(folder, "docker");
  await writeFile(file, docker);
  await chmod(file, 0o755);
  return file;
}

/** Words before a command, so that one of its tools is such a script: in it `$real` is the tool itself. */
export async function withTool(
  folder: string,
  tool: string,
  script: string,
): Promise<readonly string[]> {
  const bin = join(folder, "bin");
  await mkdir(bin, { recursive: true });
  const real = `real=$(PATH=\${PATH#*:} command -v ${tool})`;
  await writeFile(join(bin, tool), `#!/bin/sh\n${real}\n${script}\n`);
  await chmod(join(bin, tool), 0o755);
  return ["env", `PATH=${bin}:${process.env["PATH"] ?? ""}`];
}
