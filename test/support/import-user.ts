// Knows: how somebody moves in from another tool: imports its configuration and looks what is continued. Must not know: which tool.
import assert from "node:assert/strict";
import type * as z from "zod";
import { type Ended, newUser, User } from "./holdfast.ts";
import { Import, Plans, RunLine, Snapshots } from "./json-shapes.ts";

/** A user who had another tool before. */
export class MovingUser extends User {
  static async make(): Promise<MovingUser> {
    const { home } = await newUser();
    return new MovingUser(home);
  }

  /** Calls the program and expects this exit status. */
  async expect(exitStatus: number, ...words: readonly string[]): Promise<Ended> {
    const ended = await this.holdfast(...words);
    assert.equal(
      ended.exitStatus,
      exitStatus,
      `${words.join(" ")}: ${ended.stdout}${ended.stderr}`,
    );
    return ended;
  }

  /** Imports a file, with its secrets moved, and begins to use what comes out. */
  async moveIn(file: string, ...more: readonly string[]): Promise<Ended> {
    const words = ["import", this.at(file), "--secrets-dir", this.at("secrets"), ...more];
    const ended = await this.holdfast(...words);
    assert.ok([0, 3].includes(ended.exitStatus ?? -1), ended.stderr);
    assert.doesNotMatch(ended.stdout + ended.stderr, /canary/);
    const state = `state: ${this.at("state")}\n`;
    await this.write(".config/holdfast/holdfast.yaml", state + ended.stdout);
    return ended;
  }

  /** What `import --check` finds. */
  async check(file: string, ...more: readonly string[]): Promise<NonNullable<Imported["check"]>> {
    const words = ["import", "--check", "--json", this.at(file), ...more];
    const { stdout, stderr, exitStatus } = await this.holdfast(...words);
    assert.ok([0, 3].includes(exitStatus ?? -1), stderr);
    assert.doesNotMatch(stdout + stderr, /canary/);
    const { check } = Import.parse(JSON.parse(stdout));
    assert.ok(check !== undefined);
    return check;
  }

  /** The commands of a dry run. */
  async planned(): Promise<readonly string[]> {
    const { stdout } = await this.expect(0, "run", "--dry-run", "--json");
    const { plans } = Plans.parse(JSON.parse(stdout));
    return plans.flatMap(({ steps }) => steps.flatMap(({ commands }) => commands));
  }

  /** Runs everything, and answers with the ends of the runs. */
  async run(...words: readonly string[]): Promise<readonly FinishedRun[]> {
    const { stdout } = await this.expect(0, "run", "--json", ...words);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines
      .map((line) => RunLine.parse(JSON.parse(line)))
      .filter((line) => line.event === "run-finished");
  }

  /** The snapshots of a repository, the newest first. */
  async snapshots(repository: string): Promise<z.output<typeof Snapshots>["snapshots"]> {
    const { stdout } = await this.expect(0, "snapshots", "--json");
    const { snapshots } = Snapshots.parse(JSON.parse(stdout));
    return snapshots.filter((snapshot) => snapshot.repository === repository);
  }
}

type Imported = z.output<typeof Import>;
type FinishedRun = Extract<z.output<typeof RunLine>, { event: "run-finished" }>;
