// Knows: one folder of snapshots, the machine it is on, and how btrfs is run there. Must not know: verbs.
import { hostname } from "node:os";
import type { Command, CommandResult, Host, Watch } from "../../hosts/host.ts";
import type { Ledger } from "../../kernel/ledger.ts";
import type { RepositoryAccess } from "../engine.ts";
import { fileSystemCommand, type Setting } from "./commands.ts";
import { explainFailure, type Subject } from "./errors.ts";
import type { Options } from "./options.ts";
import { absence, lookAt, type Scene, type View } from "./view.ts";

/** btrfs, as it is run for one repository. Throws what `Repository` promises. */
export class Side implements Scene, Subject {
  readonly host: Host;
  readonly here: Host;
  readonly ledger: Ledger;
  readonly name: string;
  readonly location: string;
  readonly options: Options;
  readonly setting: Setting;

  constructor(options: Options, access: RepositoryAccess) {
    this.host = access.host;
    this.here = access.here;
    this.ledger = access.ledger;
    this.name = access.name;
    this.location = access.location;
    this.options = options;
    this.setting = options;
  }

  /** Where this machine receives snapshots into, before they are complete. */
  get receiving(): string {
    return `${this.location}/.holdfast-receiving-${hostname()}`;
  }

  async run(command: Command, signal: AbortSignal, watch?: Watch): Promise<CommandResult> {
    return await this.explained(async () => await this.host.run(command, signal, watch));
  }

  /** Puts the failures of commands into the words of this repository. */
  async explained<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw explainFailure(error, this);
    }
  }

  /** What is there. Throws `repository-missing`. */
  async look(signal: AbortSignal): Promise<View> {
    try {
      return await lookAt(this, signal);
    } catch (error) {
      throw (await absence(this, this.name, signal)) ?? explainFailure(error, this);
    }
  }

  /** Throws `repository-missing` when there is none. */
  async mustExist(signal: AbortSignal): Promise<void> {
    const missing = await absence(this, this.name, signal);
    if (missing !== undefined) throw missing;
  }

  /** Whether a path is on a btrfs. */
  async isOnBtrfs(path: string, signal: AbortSignal): Promise<boolean> {
    const { stdout } = await this.run(fileSystemCommand(path), signal);
    return stdout.startsWith("btrfs ");
  }
}
