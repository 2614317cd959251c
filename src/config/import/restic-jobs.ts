// Knows: how jobs of programs around restic become jobs of ours, also where several of them share a repository. Must not know: any such program.
import type { Entry, Imported } from "./imported.ts";

/** One thing that such a program backs up with restic. */
export interface ResticJob {
  readonly name: string;
  /** All of the repository but what follows from the jobs in it. */
  readonly repository: Entry & { readonly at: string };
  readonly repositoryName: string;
  readonly sources: readonly string[];
  /** Each source was a snapshot of its own. */
  readonly perSource: boolean;
  readonly tags: readonly string[];
  readonly keep: Readonly<Record<string, unknown>> | undefined;
  readonly exclude: readonly string[];
  /** Further keys of the job. Of jobs that share a repository those of the first count. */
  readonly more: Entry;
  /** Tells that it shares its repository with others, and what follows from that. */
  readonly sharing: (message: string) => void;
}

/** Adds them all. Jobs with one repository become one job: two would forget each other's snapshots. */
export function addResticJobs(
  imported: Imported,
  jobs: readonly ResticJob[],
): ReadonlyMap<ResticJob, { readonly job: string; readonly repository: string }> {
  const added = new Map<ResticJob, { readonly job: string; readonly repository: string }>();
  for (const group of Map.groupBy(jobs, ({ repository }) => placeOf(repository)).values()) {
    const [first] = group;
    if (first === undefined) continue;
    const names = addGroup(imported, first, group);
    for (const each of group) added.set(each, names);
    if (group.length > 1) tellSharing(group, first, names.job);
  }
  return added;
}

function placeOf({ at, environment }: ResticJob["repository"]): string {
  return JSON.stringify([at.replace(/(?<=.)\/+$/, ""), at.startsWith("rclone:") ? environment : 0]);
}

function addGroup(imported: Imported, first: ResticJob, group: readonly ResticJob[]) {
  const sources = [...new Set(group.flatMap((each) => each.sources))];
  const perSource = group.length > 1 || first.perSource;
  const tags = [...new Set(group.flatMap((each) => each.tags))];
  const repository = imported.add("repositories", first.repositoryName, {
    engine: "restic",
    ...first.repository,
    "snapshot-per-source": perSource && (group.length > 1 || first.perSource) ? true : undefined,
    tags: tags.length > 0 ? tags : undefined,
  });
  const exclude = first.exclude.filter((pattern) =>
    group.every((each) => each.exclude.includes(pattern)),
  );
  const job = imported.add("jobs", first.name, {
    sources,
    repository,
    exclude: exclude.length > 0 ? exclude : undefined,
    ...first.more,
    keep: widest(group),
  });
  return { job, repository };
}

/** The rules that keep at least what each of these keeps; none where one keeps everything. */
function widest(group: readonly ResticJob[]): Entry | undefined {
  const rules: Record<string, unknown> = {};
  for (const { keep } of group) {
    if (keep === undefined || Object.keys(keep).length === 0) return undefined;
    for (const [rule, value] of Object.entries(keep)) {
      const before = rules[rule];
      rules[rule] =
        typeof before === "number" && typeof value === "number"
          ? Math.max(before, value)
          : (before ?? value);
    }
  }
  return rules;
}

function tellSharing(group: readonly ResticJob[], first: ResticJob, job: string): void {
  for (const each of group) {
    const others = group.filter((other) => other !== each).map(({ name }) => `"${name}"`);
    const lost = each.exclude.filter(
      (pattern) => !group.every((other) => other.exclude.includes(pattern)),
    );
    each.sharing(
      [
        `shares its repository with ${others.join(", ")}: all are the job "${job}" now, with the schedule of "${first.name}", the more generous rules of retention, and one snapshot for each source`,
        lost.length > 0 ? "; what was left out in some of them only is backed up now" : "",
        each.sources.length > 1 && !each.perSource
          ? "; snapshots of several sources together are listed, but neither continued nor forgotten"
          : "",
      ].join(""),
    );
  }
}

/** An address without the name and password in it, and these, where it has any. */
export function withoutCredentials(address: string): {
  readonly address: string;
  readonly user?: string;
  readonly password?: string;
} {
  const found = /^([a-z0-9]+:(?:[a-z0-9]+:)?\/\/)([^/@:]*):([^/@]*)@(.*)$/.exec(address);
  if (found === null) return { address };
  const [, scheme = "", user = "", password = "", rest = ""] = found;
  return { address: scheme + rest, user: decoded(user), password: decoded(password) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not encoded at all: it is what it is.
    return text;
  }
}
