// Knows: who uses which volume, and that it is put back when nobody does any more. Must not know: how one is attached, and what for.
import type { HeldLock, HeldUse } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { AttachedVolume } from "../volumes/volume.ts";
import type { RunEvent } from "./event.ts";
import { openVolume, type VolumePaths } from "./open.ts";
import type { Program } from "./program.ts";
import { takeTurn } from "./turns.ts";
import { undoer } from "./undoings.ts";

/** What is said of a volume while it is in use. */
export type VolumeEvent = Extract<RunEvent, { event: "volume-attached" | "volume-released" }>;

/** What is said while a command that is no run uses volumes. */
export type VolumeNews = VolumeEvent | Extract<RunEvent, { event: "warning" }>;

/** Makes sure that a volume is there, and says where; see `SharedVolumes.attach`. */
export type AttachVolume = (name: string, signal: AbortSignal) => Promise<string>;

/** Who wants a volume. */
export interface VolumeUser {
  /** For others who wait for it, such as `job documents`. */
  readonly purpose: string;
  /** The run it is for, if it is for one: there the ledger says who changed what. */
  readonly run?: string;
  readonly tell: (event: VolumeEvent) => void;
}

/** A volume may ask for a passphrase, and a slow drive takes long to empty its cache. */
const patienceMs = 300_000;

/** What a volume is to the journal. Two volumes on one device come and go together. */
export function resourceOf({ config }: Program, name: string): string {
  const spec = config.volumes.get(name);
  if (spec?.device === undefined) return `volume:${name}`;
  return `device:${spec.host ?? ""}:${spec.device.toLowerCase()}`;
}

/** Lets one process at a time attach, detach or recover a volume. Throws `busy`, `interrupted`. */
export async function takeVolumeTurn(
  program: Pick<Program, "journal">,
  resource: string,
  signal: AbortSignal,
): Promise<HeldLock> {
  const turn = {
    resource: `attaching:${resource}`,
    purpose: `attaching or detaching ${resource}`,
    waiting: "waiting for a volume",
    patienceMs,
    busy: ({ pid, host }: { readonly pid: number; readonly host: string }) =>
      new HoldfastError(
        "busy",
        `process ${pid} on ${host} has been busy with ${resource} for long`,
        {
          hint: "let it finish, then try again",
        },
      ),
  };
  return await takeTurn(program, turn, signal);
}

interface Held {
  readonly use: HeldUse;
  /** What was attached for it here, in turn. */
  readonly attached: AttachedVolume[];
}

/**
 * The volumes of one call of the program. Each is attached when it is first needed, and put back when
 * nobody needs it any more: none of those who were announced, and no other process.
 */
export class SharedVolumes implements AsyncDisposable {
  readonly #program: Program;
  readonly #needs: Map<string, ReadonlySet<string>>;
  readonly #held = new Map<string, Held>();

  /** `needs`: the names of the volumes that each of those needs who will `finish`. */
  constructor(program: Program, needs: ReadonlyMap<string, Iterable<string>>) {
    this.#program = program;
    this.#needs = new Map([...needs].map(([who, names]) => [who, new Set(names)]));
  }

  /**
   * Makes sure that a volume is there, and says where. Throws `volume-away`, `busy`, `interrupted` and
   * what keeps it from being unlocked or mounted.
   */
  async attach(name: string, user: VolumeUser, signal: AbortSignal): Promise<string> {
    const program = this.#program;
    const { journal } = program;
    const resource = resourceOf(program, name);
    using _ = await takeVolumeTurn(program, resource, signal);
    const before = this.#held.get(name);
    const held = before ?? { use: journal.use(resource, user.purpose), attached: [] };
    try {
      const ledger = journal.ledgerOf(resource, user.run);
      const volume = await openVolume(program, name, ledger).attach(signal);
      this.#held.set(name, held);
      held.attached.push(volume);
      const { path, did } = volume;
      if (did.length > 0) user.tell({ event: "volume-attached", volume: name, path, did });
      return path;
    } catch (error) {
      if (before === undefined) held.use[Symbol.dispose]();
      throw error;
    }
  }

  /** Attaches some volumes. Throws for the first that cannot be; those before it are put back by `finish`. */
  async attachAll(
    names: Iterable<string>,
    user: VolumeUser,
    signal: AbortSignal,
  ): Promise<VolumePaths> {
    const paths = new Map<string, string>();
    for (const name of names) paths.set(name, await this.attach(name, user, signal));
    return paths;
  }

  /**
   * Somebody who was announced needs nothing more. Puts back what nobody needs any more, and answers
   * with what could not be: that is owed still, and `recover` tries it again.
   */
  async finish(who: string, user: VolumeUser): Promise<readonly HoldfastError[]> {
    this.#needs.delete(who);
    const needed = new Set([...this.#needs.values()].flatMap((names) => [...names]));
    const failures: HoldfastError[] = [];
    for (const [name, held] of [...this.#held].toReversed()) {
      // Somebody else who came to their end meanwhile may have put it back, or be about to.
      if (needed.has(name) || this.#held.get(name) !== held) continue;
      this.#held.delete(name);
      try {
        await this.#release(name, held, user);
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        failures.push(error);
      }
    }
    return failures;
  }

  /** Puts back what those needed who never came to their end. What cannot be is left to `recover`. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const who of this.#needs.keys()) {
      await this.finish(who, { purpose: who, tell: () => {} });
    }
  }

  async #release(name: string, held: Held, user: VolumeUser): Promise<void> {
    const program = this.#program;
    const { journal } = program;
    // Nobody's patience ends this: a drive that stays unlocked is worse than a program that ends late.
    const { signal } = new AbortController();
    // Given up also without a turn: nobody puts back what is owed for a volume that is in use.
    using use = held.use;
    using _ = await takeVolumeTurn(program, use.resource, signal);
    use[Symbol.dispose]();
    // Whoever is the last to use it puts it back, also for us.
    if (journal.users(use.resource).length > 0) return;
    const changed = journal.promisesOf(use.resource).length > 0;
    for (const volume of held.attached.toReversed()) await volume[Symbol.asyncDispose]();
    // And so do we for those who were there before us.
    for (const promise of journal.promisesOf(use.resource).toReversed()) {
      await undoer(program, promise.run)(promise.entry, signal);
      promise.settle();
    }
    if (changed) user.tell({ event: "volume-released", volume: name, mayUnplug: true });
  }
}

/**
 * Does some work that is no run, and puts back every volume that was attached for it, however it ends.
 * One that cannot be put back is warned of: it is owed still, and `recover` tries it again.
 */
export async function usingVolumes<Result>(
  program: Program,
  user: { readonly purpose: string; readonly tell: (news: VolumeNews) => void },
  work: (attach: AttachVolume) => Promise<Result>,
): Promise<Result> {
  const { purpose, tell } = user;
  const volumes = new SharedVolumes(program, new Map());
  try {
    return await work(async (name, signal) => await volumes.attach(name, user, signal));
  } finally {
    for (const { message, hint } of await volumes.finish(purpose, user)) {
      tell({ event: "warning", message, ...(hint === undefined ? {} : { hint }) });
    }
  }
}
