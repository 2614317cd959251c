// Knows: how nbkp's syncs become jobs and mirrors that lie where they lay. Must not know: where its machines and drives are.
import type { Imported } from "../imported.ts";
import type { Section } from "../section.ts";
import type { Generation } from "./generation.ts";
import { filtersOf, optionsOf } from "./rsync-words.ts";

/** What mirrors are made from. */
interface Surroundings {
  readonly root: Section;
  readonly imported: Imported;
  /** The names of volumes here, by the names they had. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly generation: Generation;
  readonly home: string;
}

/** One end of a sync. */
interface End {
  readonly section: Section;
  /** What it is called, where it has a name. */
  readonly slug: string | undefined;
  readonly volume: string;
  readonly subdir: string;
  readonly snapshots: "none" | "hard-links" | "btrfs";
  readonly most: number | undefined;
}

/** A sync with both its ends. */
interface Sync {
  readonly name: string;
  readonly section: Section;
  readonly source: End;
  readonly destination: End;
  readonly repository: string;
}

/** All syncs of a configuration. */
export class Mirrors {
  readonly #in: Surroundings;
  readonly #endpoints: ReadonlyMap<string, Section>;

  constructor(surroundings: Surroundings) {
    this.#in = surroundings;
    this.#endpoints = surroundings.root.sections("sync-endpoints");
  }

  /** Adds a repository and a job for each. */
  add(): void {
    const { root } = this.#in;
    const all = root.sections("syncs");
    if (all.size === 0) root.problem("syncs", "holds no sync");
    const syncs = [...all].flatMap(([name, section]) => {
      const source = this.#end(section, "source");
      const destination = this.#end(section, "destination");
      if (source === undefined || destination === undefined) return [];
      const repository = destination.slug ?? name;
      return [{ name, section, source, destination, repository }];
    });
    root.report.throwProblems();
    const named = syncs.map((sync) => this.#addRepository(sync));
    for (const sync of named) this.#addJob(sync, named);
    for (const [slug, section] of this.#endpoints) {
      const isUsed = syncs.some(({ source, destination }) =>
        [source.slug, destination.slug].includes(slug),
      );
      if (!isUsed) root.report.judge(section.path, "unneeded", { message: "no sync uses it" });
    }
  }

  #end(sync: Section, key: "source" | "destination"): End | undefined {
    const inline = typeof sync.raw(key) === "object" ? sync.section(key) : undefined;
    const slug = inline === undefined ? sync.needed(key) : undefined;
    const section = inline ?? this.#endpoints.get(slug ?? "");
    if (section === undefined) {
      if (slug !== "") sync.report.problem(sync.at(key), "there is no sync endpoint of this name");
      return undefined;
    }
    const volume = this.#in.volumes.get(section.needed("volume"));
    if (volume === undefined && section.has("volume")) {
      section.report.problem(section.at("volume"), "there is no volume of this name");
    }
    const subdir = (section.text("subdir") ?? "").replaceAll(/^\/+|\/+$/g, "");
    return { section, slug, volume: volume ?? "", subdir, ...snapshotsOf(section) };
  }

  #addRepository(sync: Sync): Sync {
    const { imported, generation, home } = this.#in;
    const { destination, section } = sync;
    const inLatest = generation === "first" && destination.snapshots === "none";
    const folder = inLatest
      ? `${destination.subdir}/latest`.replace(/^\//, "")
      : destination.subdir;
    const repository = imported.nameFor("repositories", sync.repository);
    const words = optionsOf(section, `repositories.${repository}`);
    const filters = filtersOf(section, { to: `repositories.${repository}`, home });
    imported.add("repositories", sync.repository, {
      engine: "rsync",
      at: `${destination.volume}:${folder}`,
      snapshots: destination.snapshots,
      keep: destination.most === undefined ? undefined : { last: destination.most },
      ...words,
      ...filters,
      "hard-links": false,
      acls: false,
      xattrs: false,
    });
    imported.comment(
      ["repositories", repository, "hard-links"],
      "As nbkp copied. Take these three lines away to keep hard links, access control lists and attributes as well; files that have some are then copied once more.",
    );
    this.#judgeEnd(destination, `repositories.${repository}`, inLatest);
    return { ...sync, repository };
  }

  #judgeEnd({ section, snapshots }: End, to: string, inLatest: boolean): void {
    section.judge("volume", "mapped", { to: `${to}.at` });
    section.judge("subdir", inLatest ? "changed" : "mapped", {
      to: `${to}.at`,
      ...(inLatest
        ? { message: "the first nbkp kept the files in latest, and there the mirror goes on" }
        : {}),
    });
    for (const key of ["btrfs-snapshots", "hard-link-snapshots"]) {
      const given = section.section(key);
      given?.judge("enabled", "mapped", { to: `${to}.snapshots` });
      given?.judge(
        "max-snapshots",
        snapshots === "none" ? "unneeded" : "mapped",
        snapshots === "none" ? { message: "there are no snapshots" } : { to: `${to}.keep.last` },
      );
    }
  }

  #addJob(sync: Sync, all: readonly Sync[]): void {
    const { imported } = this.#in;
    const { name, section, source, repository } = sync;
    const upstream = all.find(({ destination }) => isUpstream(destination, source));
    const job = imported.add("jobs", name, {
      sources: [upstream === undefined ? pathOf(source) : { repository: upstream.repository }],
      repository,
      enabled: section.flag("enabled") === false ? false : undefined,
    });
    imported.comment(
      ["jobs", job],
      "nbkp ran when somebody started it. To run when its drives are there, say: schedule: { when: available }",
    );
    const to = `jobs.${job}`;
    section.report.judge(section.path, "changed", {
      to: `repositories.${repository}`,
      message:
        "links that lead out of the source are copied as links now (symlinks: safe leaves them out), and a run that would delete more than half of the mirror deletes nothing and fails (max-delete)",
    });
    section.judge("enabled", "mapped", { to: `${to}.enabled` });
    if (source.slug !== undefined) section.judge("source", "mapped", { to: `${to}.sources` });
    if (sync.destination.slug !== undefined)
      section.judge("destination", "mapped", { to: `${to}.repository` });
    this.#judgeSource(source, { to: `${to}.sources`, upstream });
  }

  #judgeSource(
    { section, snapshots, slug }: End,
    { to, upstream }: { readonly to: string; readonly upstream: Sync | undefined },
  ): void {
    // A place that is the end of one sync and the beginning of another was judged already.
    if (slug !== undefined && upstream?.destination.slug === slug) return;
    const alone = snapshots !== "none" && upstream === undefined;
    section.judgeAll(["volume", "subdir"], alone ? "changed" : "mapped", {
      to,
      ...(alone
        ? {
            message:
              "its newest snapshot was read by way of the link latest, which is no folder: name the folder it leads to, or make the job that fills it part of this configuration",
          }
        : {}),
    });
    section.judgeAll(["btrfs-snapshots", "hard-link-snapshots"], alone ? "changed" : "mapped", {
      to,
      ...(alone ? { message: "its newest snapshot was read" } : {}),
    });
  }
}

function snapshotsOf(section: Section): Pick<End, "snapshots" | "most"> {
  const btrfs = section.section("btrfs-snapshots");
  const links = section.section("hard-link-snapshots");
  const most = [btrfs, links].map((each) => each?.count("max-snapshots", 1));
  if (btrfs?.flag("enabled") === true) return { snapshots: "btrfs", most: most[0] };
  if (links?.flag("enabled") === true) return { snapshots: "hard-links", most: most[1] };
  return { snapshots: "none", most: undefined };
}

function isUpstream(destination: End, source: End): boolean {
  if (destination.volume !== source.volume) return false;
  const folders = [destination.subdir, `${destination.subdir}/latest`.replace(/^\//, "")];
  return folders.includes(source.subdir);
}

function pathOf({ volume, subdir, snapshots }: End): string {
  return `${volume}:${snapshots === "none" ? subdir : `${subdir}/latest`.replace(/^\//, "")}`;
}
