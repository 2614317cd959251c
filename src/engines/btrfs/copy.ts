// Knows: how snapshots are sent from one repository to another. Must not know: which are wanted.
import { CommandFailed } from "../../hosts/command-failed.ts";
import { pipeAcross } from "../../hosts/pipe-across.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { formatSize } from "../../kernel/size.ts";
import type { Work } from "../engine.ts";
import { type ChainPlan, type Link, planChain } from "./chain.ts";
import {
  receiveCommand,
  sendCommand,
  showCommand,
  snapshotCommand,
  snapshotPath,
} from "./commands.ts";
import { Counting } from "./counting.ts";
import { canSendCompressed } from "./features.ts";
import { parseShown, parseWritten } from "./output.ts";
import { openReceiving } from "./receiving.ts";
import type { Side } from "./side.ts";
import { keptIn, linkOf } from "./snapshots.ts";
import type { View } from "./view.ts";

/** What was copied: the names on both sides; what was left out and why; and how much was written. */
export interface Copied {
  readonly copied: readonly { readonly from: string; readonly id: string }[];
  readonly notes: readonly string[];
  readonly bytes: number;
}

/** Two repositories, and the names of those snapshots that the second is to receive. */
export interface CopyOrder {
  readonly from: Side;
  readonly to: Side;
  readonly wanted: ReadonlySet<string>;
}

/** Sends what is lacking, oldest first. A snapshot gets its name when it is complete. */
export async function copySnapshots(order: CopyOrder, work: Work): Promise<Copied> {
  const { from, to, wanted } = order;
  const [theirs, ours] = await Promise.all([from.look(work.signal), to.look(work.signal)]);
  mustBeToldApart(from, theirs);
  mustBeToldApart(to, ours);
  const plan = planFor(theirs, ours, { wanted, to });
  const notes = plan.skip.map(
    ({ link, reason }) => `snapshot ${link.name} was not sent: ${reason}`,
  );
  if (plan.send.length === 0) return { copied: [], notes, bytes: 0 };

  const counting = new Counting(work.progress, plan.send.length);
  await mustHaveRoom(order, plan, { counting, signal: work.signal });
  const compressedData = await canSendCompressed(from, to, work.signal);
  const taken = new Set(ours.names);
  const copied: { from: string; id: string }[] = [];
  await using receiving = await openReceiving(to, work.signal);
  for (const { link, parent } of plan.send) {
    counting.begin(link.name);
    await transfer(
      order,
      { link, parent, compressedData, into: receiving.path },
      {
        signal: work.signal,
        counting,
      },
    );
    const id = await settle(to, { link, taken, received: `${receiving.path}/${link.name}` }, work);
    taken.add(id);
    copied.push({ from: link.name, id });
  }
  return { copied, notes, bytes: counting.bytes };
}

// Else nothing would seem to be lacking, and a copy that brought nothing would pass for one.
function mustBeToldApart({ name }: Side, { entries }: View): void {
  if (entries.every(({ subvolume }) => subvolume !== undefined)) return;
  throw new HoldfastError(
    "command-failed",
    `only root may ask which snapshots of repository "${name}" are copies of which`,
    { hint: "run holdfast as root, or write sudo: true into the repository; see: holdfast doctor" },
  );
}

function planFor(
  theirs: View,
  ours: View,
  { wanted, to }: { readonly wanted: ReadonlySet<string>; readonly to: Side },
): ChainPlan {
  return planChain({
    theirs: keptIn(theirs).flatMap(linkOf),
    held: new Set(keptIn(ours).flatMap((kept) => linkOf(kept).map(({ origin }) => origin))),
    wanted,
    parents: new Map(theirs.all.map(({ uuid, parentUuid }) => [uuid, parentUuid])),
    copyOlder: to.options["copy-older"],
    incremental: to.options.incremental,
  });
}

/**
 * Throws `repository-full` before anything is sent, as far as it can be known: how much a difference takes is
 * known when it was sent; a whole snapshot, where quotas are counted. A btrfs that says that nothing is left may
 * still have room, when what is short is the space for its own bookkeeping: that is tried.
 */
async function mustHaveRoom(
  { from, to }: CopyOrder,
  { send }: ChainPlan,
  { counting, signal }: { readonly counting: Counting; readonly signal: AbortSignal },
): Promise<void> {
  const [first] = send;
  if (first === undefined || first.parent !== undefined) return;
  const path = snapshotPath(from.location, first.link.name);
  const { stdout } = await from.run(showCommand(from.setting, path), signal);
  const { bytes } = parseShown(stdout);
  if (bytes === undefined) return;
  if (send.length === 1) counting.expect(bytes);
  const [state] = await to.host.inspect([to.location], signal);
  if (state?.kind !== "directory" || state.freeBytes === 0 || state.freeBytes >= bytes) return;
  throw new HoldfastError(
    "repository-full",
    `repository "${to.name}" has ${formatSize(state.freeBytes)} left, and the next snapshot takes about ${formatSize(bytes)}`,
    { hint: "make room there, or drop old snapshots with: holdfast forget, then: holdfast prune" },
  );
}

interface Transfer {
  readonly link: Link;
  readonly parent: Link | undefined;
  readonly compressedData: boolean;
  readonly into: string;
}

async function transfer(
  { from, to }: CopyOrder,
  { link, parent, compressedData, into }: Transfer,
  { signal, counting }: { readonly signal: AbortSignal; readonly counting: Counting },
): Promise<void> {
  const send = sendCommand(from.setting, {
    path: snapshotPath(from.location, link.name),
    compressedData,
    ...(parent === undefined ? {} : { parent: snapshotPath(from.location, parent.name) }),
  });
  const stages = [
    { host: from.host, command: send },
    { host: to.host, command: receiveCommand(to.setting, into) },
  ];
  const watch = {
    stderrLine: (line: string) => counting.add(parseWritten(line)),
  };
  try {
    await pipeAcross(stages, { here: to.here, signal, watch });
  } catch (error) {
    const sent = error instanceof CommandFailed && error.argv.includes("send");
    // Of the two repositories the one whose btrfs failed is to blame.
    await (sent ? from : to).explained(() => Promise.reject(error));
  }
}

interface Received {
  readonly link: Link;
  readonly taken: ReadonlySet<string>;
  readonly received: string;
}

/**
 * Gives what was received its name, once it is proven to be complete. A read-only subvolume cannot be
 * moved into another folder, so it is a snapshot that gets the name; it keeps the Received UUID.
 */
async function settle(to: Side, { link, taken, received }: Received, work: Work): Promise<string> {
  const { signal } = work;
  const shown = parseShown((await to.run(showCommand(to.setting, received), signal)).stdout);
  if (!shown.readOnly || shown.receivedUuid !== link.origin) {
    throw new HoldfastError(
      "evidence-missing",
      `snapshot ${link.name} was sent to repository "${to.name}", and is not complete there`,
      { hint: "run the job again; if that goes on, see: btrfs receive --help" },
    );
  }
  const id = await freeName(to, { name: link.name, taken }, signal);
  const final = snapshotPath(to.location, id);
  await to.run(snapshotCommand(to.setting, { from: received, to: final }), signal);
  return id;
}

/** The same name as on the other side, unless something else has it here. */
async function freeName(
  to: Side,
  { name, taken }: { readonly name: string; readonly taken: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<string> {
  const joint = /-./s.test(name.slice(10)) ? "" : "-";
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? name : `${name}${joint}~${count}`;
    if (taken.has(candidate)) continue;
    const [state] = await to.host.inspect([snapshotPath(to.location, candidate)], signal);
    if (state?.kind === "missing") return candidate;
  }
}
