// Knows: what restic 0.18 answers, from memory instead of from a repository. Must not know: who asks.
import { AssertionError } from "node:assert";
import type {
  Command,
  CommandResult,
  Host,
  PathState,
  PipeResult,
  Scratch,
  Watch,
} from "../../src/hosts/host.ts";
import { interruption } from "../../src/hosts/interruption.ts";
import { makeScratch } from "../../src/hosts/scratch.ts";
import { end, type Ending } from "./scripted-host.ts";

/** One call of restic, as far as a test decides by it. */
export interface Call {
  readonly verb: string;
  readonly repository: string;
  /** The job that makes a snapshot, from its tag. */
  readonly job: string | undefined;
}

/** Ways in which restic fails. */
export type Failure = "locked" | "full" | "unreachable" | "wrong-password";

/** What a pretended restic differs in from one that always succeeds, at once. */
export interface Pretence {
  readonly now: () => Date;
  /** The repositories that are there. Others come with `init`. */
  readonly repositories: readonly string[];
  /** How long a call takes, in milliseconds. */
  readonly takes?: (call: Call) => number;
  /** Lets so much time pass. Rejects when the signal aborts. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** How a call fails, if it does, after the time it takes. */
  readonly fails?: (call: Call) => Failure | undefined;
  /** Whether a path is there. */
  readonly isThere?: (path: string) => boolean;
  /** Answers commands that are not restic's. */
  readonly others?: (command: Command) => Ending;
}

interface PretendSnapshot {
  readonly id: string;
  readonly time: string;
  readonly hostname: string;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  /** The snapshot that it is a copy of. */
  readonly original?: string;
}

// These take an exclusive lock, and the others a shared one; nobody may come in between.
const writing = new Set(["init", "backup", "copy", "forget", "prune", "check"]);

/**
 * A host where nothing runs: restic's commands are answered from memory, with the output and exit
 * statuses of 0.18 (captured from the real one). A command that it does not know is an
 * `AssertionError`, and so are two that write to one repository at once.
 */
export class PretendRestic implements Host {
  readonly name = "pretended";
  /** Calls that were answered, with the pretended time of their end. */
  readonly calls: (Call & { readonly at: Date })[] = [];
  /** How many commands are under way; `paused` of them wait for pretended time to pass. */
  inFlight = 0;
  paused = 0;
  readonly #pretence: Pretence;
  readonly #repositories: Map<string, PretendSnapshot[]>;
  readonly #writing = new Set<string>();
  #made = 0;

  constructor(pretence: Pretence) {
    this.#pretence = pretence;
    this.#repositories = new Map(pretence.repositories.map((name) => [name, []]));
  }

  /** How many snapshots a repository has. */
  count(repository: string): number {
    return this.#repositories.get(repository)?.length ?? 0;
  }

  async reach(): Promise<void> {}

  async run(command: Command, signal: AbortSignal, watch: Watch = {}): Promise<CommandResult> {
    if (signal.aborted) throw interruption(signal, command.argv[0]);
    this.inFlight += 1;
    try {
      // A real host never answers in the same turn.
      await new Promise(setImmediate);
      if (command.argv[0] !== "restic") return end(command, this.#other(command), watch);
      return end(command, await this.#restic(command, signal), watch);
    } finally {
      this.inFlight -= 1;
    }
  }

  async pipe(): Promise<PipeResult> {
    return await Promise.reject(new AssertionError({ message: "a pipe was not expected" }));
  }

  async inspect(paths: readonly string[], signal: AbortSignal): Promise<readonly PathState[]> {
    if (signal.aborted) throw interruption(signal, "looking at paths");
    const isThere = this.#pretence.isThere ?? (() => true);
    return paths.map((path) =>
      isThere(path)
        ? { kind: "directory", empty: false, device: "1", freeBytes: 10 ** 12 }
        : { kind: "missing" },
    );
  }

  async scratch(): Promise<Scratch> {
    return await makeScratch({});
  }

  #other(command: Command): Ending {
    if (this.#pretence.others !== undefined) return this.#pretence.others(command);
    throw new AssertionError({ message: `not a command of restic: ${command.argv.join(" ")}` });
  }

  async #restic({ argv }: Command, signal: AbortSignal): Promise<Ending> {
    const call = parseCall(argv);
    const { repository, verb } = call;
    using held = new DisposableStack();
    if (writing.has(verb)) held.use(this.#lock(repository, verb));
    await this.#pause(call, signal);
    this.calls.push({ ...call, at: this.#pretence.now() });
    const failure = this.#pretence.fails?.(call);
    if (failure !== undefined) return failed(failure, repository, this.#pretence.now());
    return this.#answer(call, argv);
  }

  async #pause(call: Call, signal: AbortSignal): Promise<void> {
    const milliseconds = this.#pretence.takes?.(call) ?? 0;
    if (milliseconds === 0 || this.#pretence.pause === undefined) return;
    this.paused += 1;
    try {
      await this.#pretence.pause(milliseconds, signal);
    } finally {
      this.paused -= 1;
    }
  }

  #lock(repository: string, verb: string): Disposable {
    if (this.#writing.has(repository)) {
      throw new AssertionError({ message: `two write to ${repository} at once, one by ${verb}` });
    }
    this.#writing.add(repository);
    return { [Symbol.dispose]: () => void this.#writing.delete(repository) };
  }

  #answer({ repository, verb }: Call, argv: readonly string[]): Ending {
    const snapshots = this.#repositories.get(repository);
    if (verb === "init") return this.#init(repository);
    if (snapshots === undefined) return missing(repository);
    switch (verb) {
      case "cat":
        return answer(
          argv.includes("lock") ? strangersLock(this.#pretence.now()) : repositoryConfig,
        );
      case "list":
        return { stdout: `${hexadecimal(9)}\n` };
      case "snapshots":
        return answer(snapshots.map(shown));
      case "backup":
        return this.#backup(snapshots, argv);
      case "copy":
        return this.#copy(snapshots, argv);
      case "forget": {
        const gone = new Set(operands(argv));
        const kept = snapshots.filter(({ id }) => !gone.has(id));
        this.#repositories.set(repository, kept);
        return {};
      }
      case "prune":
        return { stdout: pruned };
      case "check":
        return answer(sound);
      default:
        throw new AssertionError({ message: `not known of restic: ${argv.join(" ")}` });
    }
  }

  #init(repository: string): Ending {
    if (this.#repositories.has(repository)) {
      const why = `unable to open repository at ${repository}: config file already exists`;
      return exitError(1, `Fatal: create repository at ${repository} failed: Fatal: ${why}\n`);
    }
    this.#repositories.set(repository, []);
    const id = hexadecimal(this.#repositories.size);
    return answer({ message_type: "initialized", id, repository });
  }

  #backup(snapshots: PretendSnapshot[], argv: readonly string[]): Ending {
    this.#made += 1;
    const id = hexadecimal(this.#made);
    const time = this.#pretence.now().toISOString();
    const hostname = valuesOf(argv, "--host")[0] ?? "";
    snapshots.push({ id, time, hostname, paths: operands(argv), tags: valuesOf(argv, "--tag") });
    const status = { message_type: "status", percent_done: 1, total_files: 1, files_done: 1 };
    const figures = { ...counts, total_duration: 1.04, backup_start: time, backup_end: time };
    const summary = { message_type: "summary", ...figures, snapshot_id: id };
    return { stdout: `${JSON.stringify(status)}\n${JSON.stringify(summary)}\n` };
  }

  #copy(ours: PretendSnapshot[], argv: readonly string[]): Ending {
    const from = valuesOf(argv, "--from-repo")[0] ?? "";
    const wanted = new Set(operands(argv));
    const theirs = (this.#repositories.get(from) ?? []).filter(({ id }) => wanted.has(id));
    const lines = theirs.flatMap((snapshot) => {
      this.#made += 1;
      const id = hexadecimal(this.#made);
      const { paths, time, hostname } = snapshot;
      ours.push({ ...snapshot, id, original: snapshot.original ?? snapshot.id });
      return [
        "",
        `snapshot ${snapshot.id.slice(0, 8)} of [${paths.join(" ")}] at ${time} by root@${hostname}`,
        "  copy started, this may take a while...",
        "[0:00] 100.00%  2 / 2 packs copied",
        "",
        `snapshot ${id.slice(0, 8)} saved`,
      ];
    });
    return { stdout: `${lines.join("\n")}\n` };
  }
}

const repositoryConfig = {
  version: 2,
  id: "0".repeat(64),
  chunker_polynomial: "29e90cce9c728d",
};

const sound = {
  message_type: "summary",
  num_errors: 0,
  broken_packs: null,
  suggest_repair_index: false,
  suggest_prune: false,
};

const counts = {
  files_new: 0,
  files_changed: 0,
  files_unmodified: 1,
  dirs_new: 0,
  dirs_changed: 1,
  dirs_unmodified: 2,
  data_blobs: 0,
  tree_blobs: 1,
  data_added: 351,
  data_added_packed: 289,
  total_files_processed: 1,
  total_bytes_processed: 2,
};

const pruned = `loading indexes...
loading all snapshots...
finding data that is still in use for 1 snapshots
[0:00] 100.00%  1 / 1 snapshots
searching used packs...
collecting packs for deletion and repacking
[0:00] 100.00%  3 / 3 packs processed

to repack:             0 blobs / 0 B
this removes:          0 blobs / 0 B
to delete:             1 blobs / 248 B
total prune:           1 blobs / 248 B
remaining:             5 blobs / 1.025 KiB
unused size after prune: 0 B (0.00% of remaining size)

rebuilding index
[0:00] 100.00%  2 / 2 indexes processed
[0:00] 100.00%  2 / 2 old indexes deleted
removing 1 old packs
[0:00] 100.00%  1 / 1 files deleted
done
`;

function shown({ id, time, hostname, paths, tags, original }: PretendSnapshot): object {
  return {
    time,
    tree: original ?? id,
    ...(original === undefined ? {} : { original }),
    paths,
    hostname,
    username: "root",
    tags,
    program_version: "restic 0.18.0",
    summary: { backup_start: time, backup_end: time, ...counts },
    id,
    short_id: id.slice(0, 8),
  };
}

function strangersLock(time: Date): object {
  return { time, exclusive: false, hostname: "elsewhere", username: "root", pid: 6071 };
}

function failed(failure: Failure, repository: string, now: Date): Ending {
  switch (failure) {
    case "locked":
      return exitError(
        11,
        `unable to create lock in backend: repository is already locked by PID 6071 on elsewhere by root (UID 0, GID 0)\nlock was created at ${now.toISOString()} (2.556115973s ago)\nstorage ID 3f8f8873\nthe \`unlock\` command can be used to remove stale locks`,
      );
    case "full":
      return exitError(
        1,
        `Fatal: unable to save snapshot: write ${repository}/data/5f/5f5e3ac1-tmp-160975162: no space left on device`,
      );
    case "unreachable":
      return exitError(
        1,
        `Fatal: unable to open repository at ${repository}: unable to start the sftp session, error: error receiving version packet from server: server unexpectedly closed connection: unexpected EOF`,
      );
    case "wrong-password":
      return exitError(12, "Fatal: wrong password or no key found");
  }
}

function missing(repository: string): Ending {
  return exitError(
    10,
    `Fatal: repository does not exist: unable to open config file: stat ${repository}/config: no such file or directory\nIs there a repository at the following location?\n${repository}`,
  );
}

function exitError(code: number, message: string): Ending {
  const line = JSON.stringify({ message_type: "exit_error", code, message });
  return { exitStatus: code, stderr: `${line}\n` };
}

function answer(value: unknown): Ending {
  return { stdout: `${JSON.stringify(value)}\n` };
}

/** Sixty-four digits, as restic's ids have. */
function hexadecimal(number: number): string {
  return number.toString(16).padStart(8, "0").padEnd(64, "0");
}

function parseCall(argv: readonly string[]): Call {
  const [, option, repository, verb] = argv;
  if (option !== "--repo" || repository === undefined || verb === undefined) {
    throw new AssertionError({ message: `not a call of restic: ${argv.join(" ")}` });
  }
  const tag = valuesOf(argv, "--tag").find((text) => text.startsWith("holdfast:"));
  return { verb, repository, job: tag?.slice("holdfast:".length) };
}

function valuesOf(argv: readonly string[], option: string): readonly string[] {
  return argv.flatMap((word, index) => (argv[index - 1] === option ? [word] : []));
}

function operands(argv: readonly string[]): readonly string[] {
  return argv.slice(argv.indexOf("--") + 1);
}
