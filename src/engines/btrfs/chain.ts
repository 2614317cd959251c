// Knows: which snapshots follow from which, and so what is sent as a difference to what. Pure; no command, no clock.

/** A complete, read-only snapshot as the sending side has it. */
export interface Link {
  /** Its name in the repository. */
  readonly name: string;
  readonly uuid: string;
  readonly parentUuid?: string;
  /** What it and all its copies are known by: its Received UUID, or its own. */
  readonly origin: string;
  /** Later ones have a greater one, whatever the clock said. */
  readonly made: number;
}

/** What a copy consists of. */
export interface ChainPlan {
  /** In this order. */
  readonly send: readonly { readonly link: Link; readonly parent?: Link }[];
  readonly skip: readonly { readonly link: Link; readonly reason: string }[];
}

export interface ChainQuestion {
  /** All snapshots of the sending side. */
  readonly theirs: readonly Link[];
  /** By which the receiving side knows what it has. */
  readonly held: ReadonlySet<string>;
  /** The names of those to send. */
  readonly wanted: ReadonlySet<string>;
  /** Parents of other subvolumes of the sending side, such as the one that is backed up, by uuid. */
  readonly parents: ReadonlyMap<string, string | undefined>;
  readonly copyOlder: boolean;
  readonly incremental: "auto" | "always" | "never";
}

/**
 * Decides what is sent, oldest first, and as a difference to what. Order is that in which the file
 * system made the snapshots: names and clocks do not count. What is older than the newest that both
 * sides have is left out unless it is asked for.
 */
export function planChain(question: ChainQuestion): ChainPlan {
  const { theirs, held, wanted, copyOlder, incremental } = question;
  const common = theirs.filter(({ origin }) => held.has(origin));
  const newest = newestOf(common);
  const send: { link: Link; parent?: Link }[] = [];
  const skip: { link: Link; reason: string }[] = [];
  const lacking = theirs.filter(({ name, origin }) => wanted.has(name) && !held.has(origin));
  for (const link of lacking.toSorted((a, b) => a.made - b.made)) {
    if (newest !== undefined && link.made < newest.made && !copyOlder) {
      skip.push({ link, reason: `it is older than ${newest.name}, which is there already` });
      continue;
    }
    const parent = incremental === "never" ? undefined : parentOf(link, common, question);
    if (parent === undefined && incremental === "always") {
      skip.push({
        link,
        reason: "both sides have no snapshot in common, and incremental is always",
      });
      continue;
    }
    send.push({ link, ...(parent === undefined ? {} : { parent }) });
    common.push(link);
  }
  return { send, skip };
}

/** The newest of these. */
function newestOf<Made extends Pick<Link, "made">>(links: readonly Made[]): Made | undefined {
  return links.reduce<Made | undefined>(
    (best, link) => (best === undefined || link.made > best.made ? link : best),
    undefined,
  );
}

/**
 * The snapshot that differs least, of those that both sides have: what comes just before it of the same
 * subvolume. Where that subvolume has been put back from a snapshot, that snapshot is what it continues.
 */
function parentOf(
  link: Link,
  common: readonly Link[],
  { theirs, parents }: ChainQuestion,
): Link | undefined {
  const known = new Map([
    ...parents,
    ...theirs.map(({ uuid, parentUuid }) => [uuid, parentUuid] as const),
  ]);
  let made = link.made;
  // A subvolume, the snapshot that it was put back from, the subvolume that this one was made of, …
  let uuid = link.parentUuid;
  for (const seen = new Set<string>(); uuid !== undefined && !seen.has(uuid);) {
    seen.add(uuid);
    const ancestor = common.find((each) => each.uuid === uuid);
    if (ancestor !== undefined) return ancestor;
    const siblings = common.filter(({ parentUuid }) => parentUuid === uuid);
    const before = newestOf(siblings.filter((each) => each.made < made));
    if (before !== undefined) return before;
    made = theirs.find((each) => each.uuid === uuid)?.made ?? made;
    uuid = known.get(uuid);
  }
  const before = common.filter((each) => each.made < link.made);
  return newestOf(before) ?? common.toSorted((a, b) => a.made - b.made)[0];
}
