// Knows: a user with many jobs on a few machines. Must not know: what is measured or tested with them.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeTree } from "./backup-user.ts";
import { type Ended, newUser, type User } from "./holdfast.ts";
import { type Machines, newMachines } from "./machines.ts";

const names = ["attic", "cellar", "garage"] as const;
const jobsPerMachine = 8;

/** Where a job of the fleet reads and writes, as seen from here. */
export interface FleetJob {
  readonly name: string;
  readonly machine: (typeof names)[number];
  readonly source: string;
  /** The folder of its repository. */
  readonly mirror: string;
}

/** Three machines, and eight jobs for each: six that mirror to it, and two that fetch from it. */
export interface Fleet extends AsyncDisposable {
  readonly user: User;
  readonly machines: Machines;
  readonly jobs: readonly FleetJob[];
  /** Calls the program where it can reach the machines. */
  call(...words: readonly string[]): Promise<Ended>;
}

/** Makes the fleet. `files`: what each job has to back up. */
export async function newFleet(files: Readonly<Record<string, string>>): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const machines = stack.use(
    await newMachines(Object.fromEntries(names.map((name) => [name, {}]))),
  );
  const user = stack.use(await newUser());
  const jobs = names.flatMap((machine) =>
    Array.from({ length: jobsPerMachine }, (_, index) => {
      const name = `${machine}-${index}`;
      const [far, near] = [machines.get(machine).disk, user.home];
      const [from, to] = isFetching(index) ? [far, near] : [near, far];
      return { name, machine, source: join(from, "data", name), mirror: join(to, "mirrors", name) };
    }),
  );
  for (const { source, mirror } of jobs) {
    await writeTree(source, files);
    await mkdir(join(mirror, ".."), { recursive: true });
  }
  await user.configure(configurationOf(user, machines));
  const owned = stack.move();
  return {
    user,
    machines,
    jobs,
    call: async (...words) => await user.start(words, { prefix: machines.prefix }).ended,
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

function isFetching(index: number): boolean {
  return index >= jobsPerMachine - 2;
}

function configurationOf(user: User, machines: Machines): object {
  const all = names.flatMap((machine) =>
    Array.from({ length: jobsPerMachine }, (_, index) => {
      const name = `${machine}-${index}`;
      const [from, to] = isFetching(index) ? [machine, "here"] : ["here", machine];
      const repository = { engine: "rsync", at: `${to}:mirrors/${name}` };
      return { name, repository, job: { sources: [`${from}:data/${name}`], repository: name } };
    }),
  );
  const volumes = names.map((name) => [name, { host: name, path: machines.disk, marker: false }]);
  return {
    state: user.at("state"),
    hosts: machines.hosts,
    volumes: { here: { path: user.home, marker: false }, ...Object.fromEntries(volumes) },
    repositories: Object.fromEntries(all.map(({ name, repository }) => [name, repository])),
    jobs: Object.fromEntries(all.map(({ name, job }) => [name, job])),
  };
}
