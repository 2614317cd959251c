// Knows: .autorestic.yml, and what of it is continued. Must not know: any other tool.
import { type Entry, FoundSecret } from "../imported.ts";
import type { Reader, Reading } from "../reader.ts";
import { addResticJobs, type ResticJob } from "../restic-jobs.ts";
import { filled, keepIn, selectionIn } from "../restic-words.ts";
import type { Section } from "../section.ts";

/** Locations that are backed up to backends by restic. */
export const autorestic: Reader = {
  name: "autorestic",
  title: "autorestic",
  formats: ["yaml"],
  recognises: (root) => root.has("locations") && root.has("backends"),
  read(reading) {
    const { root, report, imported } = reading;
    root.judge("version", "unneeded", { message: "the version of the file" });
    root.judge("extras", "unneeded", { message: "holds what anchors refer to" });
    const backends = new Map(
      [...root.sections("backends")].map(([name, section]) => [name, backendOf(name, section)]),
    );
    const everywhere = root.section("global");
    const locations = root.sections("locations");
    const jobs = [...locations].flatMap(([name, section]) =>
      locationJobs(reading, section, { name, backends, everywhere }),
    );
    if (locations.size === 0) report.problem(root.at("locations"), "holds no location");
    report.throwProblems();
    addResticJobs(imported, jobs);
    for (const [name, section] of root.sections("backends")) {
      if (
        !jobs.some(
          ({ repositoryName }) => repositoryName === name || repositoryName.endsWith(`-${name}`),
        )
      ) {
        report.judge(section.path, "unneeded", { message: "no location uses it" });
      }
    }
  },
};

type Repository = Entry & { readonly at: string };

function backendOf(name: string, section: Section): Repository {
  const to = `repositories.${name}`;
  const type = section.needed("type", `${to}.at`);
  const path = section.needed("path", `${to}.at`);
  const key = section.secret("key", `${name}-password`, `${to}.password`);
  if (key === undefined) {
    section.report.judge(section.path, "changed", {
      to: `${to}.password`,
      message:
        "its password is not in the file: it is that of .autorestic.env, to be put into the file that is named here",
    });
  }
  section.judgeAll(["requireKey", "init"], "unneeded", {
    message: "holdfast init creates a repository, and nothing else does",
  });
  section.judge("options", "unmapped", {
    message: "see what restic was told, and which key of the repository says it",
  });
  const rest = section.section("rest");
  const env = environmentOf(section, name);
  const user = rest?.text("user", `${to}.environment`);
  const password = rest?.secret("password", `${name}-server-password`, `${to}.environment`);
  return {
    at: type === "local" ? path.replace(/^\.\//, "") : `${type}:${path}`,
    password: key ?? new FoundSecret(`${name}-password`, ""),
    environment: nonEmpty({
      ...env,
      RESTIC_REST_USERNAME: user,
      RESTIC_REST_PASSWORD: password,
    }),
  };
}

function environmentOf(section: Section, name: string): Entry {
  const env = section.section("env");
  if (env === undefined) return {};
  return Object.fromEntries(
    env.keysAsWritten.map((variable) => {
      const text = env.text(variable) ?? "";
      const isSecret = /SECRET|PASSWORD|TOKEN|KEY/i.test(variable);
      env.judge(variable, isSecret ? "secret" : "mapped", {
        to: `repositories.${name}.environment`,
      });
      return [
        variable,
        isSecret ? new FoundSecret(`${name}-${variable.toLowerCase()}`, text) : text,
      ];
    }),
  );
}

function nonEmpty(entry: Entry): Entry | undefined {
  const left = filled(entry);
  return Object.keys(left).length === 0 ? undefined : left;
}

interface LocationOf {
  readonly name: string;
  readonly backends: ReadonlyMap<string, Repository>;
  readonly everywhere: Section | undefined;
}

/** One job for each backend of a location: each got a backup of its own. */
function locationJobs(
  { report }: Reading,
  section: Section,
  { name, backends, everywhere }: LocationOf,
): readonly ResticJob[] {
  const to = `jobs.${name}`;
  const sources = section.texts("from", `${to}.sources`) ?? [];
  const targets = section.texts("to", `${to}.repository`) ?? [];
  if (sources.length === 0) section.problem("from", "names no source");
  if (section.text("type") === "volume") {
    report.judge(section.at("type"), "unmapped", {
      message: "a volume of docker: name its folder as a source, or a hook that copies it out",
    });
  } else section.judge("type", "unneeded", { message: "folders are what is backed up" });
  const options = section.section("options");
  const backup = options?.section("backup");
  const all = [everywhere?.section("forget"), options?.section("forget")];
  const keep = all
    .map((each) => keepIn(each, `${to}.keep`))
    .reduce<Entry>((sum, each) => ({ ...sum, ...each }), {});
  const forgets = section.raw("forget");
  section.judge("forget", "mapped", { to: `${to}.keep` });
  const { exclude, ...selection } = filled(selectionIn(backup, to));
  const tags = backup?.texts("tag", `repositories.${name}.tags`) ?? [];
  section.judge("copy", "unmapped", {
    message: "name the further repository in copies of the job",
  });
  const hooks = hooksOf(section, to);
  return targets.flatMap((target) => {
    const repository = backends.get(target);
    if (repository === undefined) {
      section.problem("to", "names a backend that is not there");
      return [];
    }
    const suffix = targets.length === 1 ? "" : `-${target}`;
    return {
      name: `${name}${suffix}`,
      repositoryName: targets.length === 1 && backends.size === 1 ? target : `${name}-${target}`,
      repository,
      sources,
      perSource: false,
      // autorestic marks its snapshots so; with these tags they are continued.
      tags: [`ar:location:${name}`, ...tags],
      keep: forgets === undefined || forgets === false || forgets === "no" ? undefined : keep,
      exclude: Array.isArray(exclude) ? exclude.map(String) : [],
      more: {
        ...selection,
        schedule: section.text("cron", `${to}.schedule`),
        hooks,
      },
      sharing: (message) => report.judge(section.path, "changed", { message }),
    };
  });
}

function hooksOf(section: Section, to: string): Entry | undefined {
  const hooks = section.section("hooks");
  if (hooks === undefined) return undefined;
  const lines = (key: string): readonly (readonly string[])[] | undefined =>
    hooks.texts(key)?.map((line) => ["sh", "-c", line]);
  hooks.judgeAll(["before", "after", "failure"], "mapped", { to: `${to}.hooks` });
  hooks.judge("prevalidate", "changed", {
    to: `${to}.hooks.before`,
    message: "is one of the commands before a backup",
  });
  hooks.judge("success", "unmapped", {
    message: "there is no hook for success: see notifiers, type: command",
  });
  hooks.judge("dir", "unmapped", { message: "write cd into the commands themselves" });
  const before = [...(lines("prevalidate") ?? []), ...(lines("before") ?? [])];
  return filled({ before, after: lines("after"), "on-failure": lines("failure") });
}
