// Knows: how a test starts the program as its user does. Must not know: what is tested.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

/** The program under test: `bin/holdfast` of this clone, or another one, such as an installed package. */
export const holdfastProgram =
  process.env["HOLDFAST_UNDER_TEST"] ?? resolve(import.meta.dirname, "../../bin/holdfast");

/** How one call of the program ended. */
export interface Ended {
  readonly exitStatus: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that was started and has not ended. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** What a call may differ in from the usual one. */
export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What is put before the program, such as what moves it to another network. */
  readonly prefix?: readonly string[];
}

/** A person with a home of their own, who calls the program. Everything is gone after the test. */
export class User implements AsyncDisposable {
  readonly home: string;

  constructor(home: string) {
    this.home = home;
  }

  /** A path in the home. */
  at(...parts: readonly string[]): string {
    return join(this.home, ...parts);
  }

  /** Writes a file, with the folders above it. */
  async write(path: string, content: string): Promise<string> {
    const file = this.at(path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, content, { mode: 0o600 });
    return file;
  }

  /** The text of a file. */
  async read(path: string): Promise<string> {
    return await readFile(this.at(path), "utf8");
  }

  /** Writes the configuration to where it is looked for. It is YAML, so JSON will do. */
  async configure(configuration: object): Promise<void> {
    await this.write(".config/holdfast/holdfast.yaml", JSON.stringify(configuration, null, 2));
  }

  /** The environment that the program gets. */
  environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"], HOME: this.home, TZ: "UTC", ...more };
  }

  /** Starts the program and lets it run. */
  start(words: readonly string[], { env = {}, prefix = [] }: CallOptions = {}): Started {
    const [program = holdfastProgram, ...args] = [...prefix, holdfastProgram, ...words];
    const child = spawn(program, args, {
      cwd: this.home,
      env: this.environment(env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
      ([stdout, stderr]) => ({ exitStatus: child.exitCode, stdout, stderr }),
    );
    return { child, ended };
  }

  /** Calls the program and waits for its end. */
  async holdfast(...words: readonly string[]): Promise<Ended> {
    return await this.start(words).ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** A user with an empty home. */
export async function newUser(): Promise<User> {
  return new User(await mkdtemp(join(tmpdir(), "holdfast-user-")));
}
