// Knows: the ordinary case that end-to-end tests start from: a user with a tree, a repository and a job. Must not know: what goes wrong with it.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Ended, newUser, type User } from "./holdfast.ts";

/** What differs from the ordinary configuration. */
export interface Setup {
  readonly job?: Readonly<Record<string, unknown>>;
  readonly repository?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Configures one job "documents" from ~/data into the restic repository "disk" at ~/repository. */
export async function configureBackup(user: User, setup: Setup = {}): Promise<void> {
  await user.write("password", "an ordinary password\n");
  await user.configure({
    state: user.at("state"),
    repositories: {
      disk: {
        engine: "restic",
        at: user.at("repository"),
        password: { file: user.at("password") },
        ...setup.repository,
      },
    },
    jobs: { documents: { sources: [user.at("data")], repository: "disk", ...setup.job } },
    ...setup.more,
  });
}

/** A user whose repository exists and who has some files in ~/data. */
export async function backupUser(setup: Setup = {}): Promise<User> {
  const user = await newUser();
  await configureBackup(user, setup);
  await writeTree(user.at("data"), {
    "letter.txt": "Dear reader",
    "photos/one.jpg": "not a photo",
  });
  const { exitStatus, stderr } = await user.holdfast("init");
  if (exitStatus !== 0) throw new Error(`init ended with ${exitStatus}: ${stderr}`);
  return user;
}

/** Writes files, by path below a folder. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

/** The last `run-finished` event in what `run --json` printed. */
export function finishedRun(ended: Ended): Readonly<Record<string, unknown>> {
  const lines = ended.stdout.split("\n").filter((line) => line.includes('"run-finished"'));
  const last = lines.at(-1);
  if (last === undefined) throw new Error(`no run finished: ${ended.stdout}${ended.stderr}`);
  const event: unknown = JSON.parse(last);
  if (typeof event !== "object" || event === null) throw new Error(`no object: ${last}`);
  return { ...event };
}
