// Knows: backup_config.json of SimpleBackup, and what of it is continued. Must not know: any other tool.
import { type Entry, FoundSecret, type Imported, SecretFileOf } from "../imported.ts";
import type { Reader } from "../reader.ts";
import { addResticJobs, type ResticJob, withoutCredentials } from "../restic-jobs.ts";
import type { Section } from "../section.ts";

/** Several jobs of restic, with schedules and notifications on a desktop. */
export const simpleBackup: Reader = {
  name: "simplebackup",
  title: "SimpleBackup",
  formats: ["yaml"],
  recognises: (root) => root.has("backupjobs"),
  read({ root, imported, report }) {
    const remotes = new Remotes();
    const screen = imported.nameFor("notifiers", "screen");
    const sections = root.list("backupjobs");
    const jobs = sections.map((section) => readJob(section, { remotes, screen }));
    if (jobs.length === 0) report.problem(root.at("backupjobs"), "holds no job");
    // What is wrong must not be made anything of.
    report.throwProblems();
    imported.add("notifiers", screen, {
      type: "desktop",
      on: ["success", "warning", "failure", "repository-full", "retries-exhausted"],
    });
    imported.comment(["notifiers", screen], "SimpleBackup showed a message after every run.");
    const added = addResticJobs(imported, jobs);
    for (const [index, job] of jobs.entries()) {
      const section = sections[index];
      const names = added.get(job);
      if (section !== undefined && names !== undefined) judgeJob(section, names);
    }
    explainPerSource(imported, jobs, added);
  },
};

function explainPerSource(
  imported: Imported,
  jobs: readonly ResticJob[],
  added: ReturnType<typeof addResticJobs>,
): void {
  for (const job of jobs) {
    const name = added.get(job)?.repository;
    if (name === undefined) continue;
    imported.comment(
      ["repositories", name, "snapshot-per-source"],
      "As SimpleBackup made them: so what is there is continued, and nothing is read again.",
    );
  }
}

function readJob(
  section: Section,
  { remotes, screen }: { readonly remotes: Remotes; readonly screen: string },
): ResticJob {
  const name = section.needed("jobname");
  const sources = section.texts("sources") ?? [];
  if (sources.length === 0) section.report.problem(section.at("sources"), "names no source");
  const password = section.needed("password");
  const webdav = section.flag("use_rclone") === true;
  return {
    name,
    repositoryName: name,
    repository: {
      ...(webdav ? webdavRepository(section, remotes, name) : plainRepository(section, name)),
      password: new FoundSecret(`${name}-password`, password),
      compression: compression(section),
    },
    sources,
    perSource: true,
    tags: [],
    exclude: section.texts("exclude_patterns") ?? [],
    keep: retention(section),
    more: { schedule: section.needed("backup_interval"), notify: [screen] },
    sharing: (message) => section.report.judge(section.path, "changed", { message }),
  };
}

function plainRepository(section: Section, name: string): Entry & { readonly at: string } {
  const { address, user, password } = withoutCredentials(section.needed("destination"));
  if (user === undefined || password === undefined) return { at: address };
  return {
    at: address,
    environment: {
      RESTIC_REST_USERNAME: user,
      RESTIC_REST_PASSWORD: new FoundSecret(`${name}-server-password`, password),
    },
  };
}

/** Names for the remotes of rclone: one for each address. */
class Remotes {
  readonly #names = new Map<string, string>();

  nameOf(url: string): string {
    const name =
      this.#names.get(url) ?? `webdav${this.#names.size === 0 ? "" : this.#names.size + 1}`;
    this.#names.set(url, name);
    return name;
  }
}

// The script wrote every such job to this folder of its server, whatever the job was called.
const webdavFolder = "Backups/Restic_Test";

function webdavRepository(
  section: Section,
  remotes: Remotes,
  name: string,
): Entry & { readonly at: string } {
  const url = section.needed("destination");
  const remote = remotes.nameOf(url);
  const variable = (key: string): string => `RCLONE_CONFIG_${remote.toUpperCase()}_${key}`;
  const user = section.text("webdav_user") ?? "";
  const password = section.text("webdav_password") ?? "";
  const secret = new FoundSecret(`${name}-webdav-password`, password);
  return {
    at: `rclone:${remote}:${webdavFolder}`,
    environment: {
      [variable("TYPE")]: "webdav",
      [variable("VENDOR")]: "other",
      [variable("URL")]: url,
      [variable("USER")]: user === "" ? undefined : user,
      // rclone wants it in a form of its own.
      [variable("PASS")]:
        password === ""
          ? undefined
          : {
              command: ["sh", "-c", 'exec rclone obscure - < "$1"', "sh", new SecretFileOf(secret)],
            },
    },
  };
}

function compression(section: Section): string | undefined {
  const level = section.text("compression_level");
  return level !== undefined && /^(auto|off|max)$/.test(level) ? level : undefined;
}

const rules = {
  hours: "hourly",
  days: "daily",
  weeks: "weekly",
  months: "monthly",
  years: "yearly",
} as const;

function retention(section: Section): Readonly<Record<string, number>> {
  const given = section.section("retention");
  return Object.fromEntries(
    Object.entries(rules).flatMap(([key, rule]) => {
      const count = given?.count(key);
      return count === undefined || count === 0 ? [] : [[rule, count]];
    }),
  );
}

function judgeJob(
  section: Section,
  { job, repository }: { readonly job: string; readonly repository: string },
): void {
  const [jobKey, repositoryKey] = [`jobs.${job}`, `repositories.${repository}`];
  if (section.text("jobname") === job) section.judge("jobname", "mapped", { to: jobKey });
  else section.judge("jobname", "changed", { to: jobKey, message: `is called "${job}"` });
  section.judge("sources", "mapped", { to: `${jobKey}.sources` });
  section.judge("backup_interval", "mapped", { to: `${jobKey}.schedule` });
  section.judge("exclude_patterns", "mapped", { to: `${jobKey}.exclude` });
  section.judge("password", "secret", { to: `${repositoryKey}.password` });
  judgeRepository(section, repositoryKey);
  const given = section.section("retention");
  for (const [key, rule] of Object.entries(rules)) {
    if (given?.raw(key) === 0) given.judge(key, "unneeded", { message: "was no rule" });
    else given?.judge(key, "mapped", { to: `${jobKey}.keep.${rule}` });
  }
  if (Object.keys(retention(section)).length === 0) {
    section.judge("retention", "changed", {
      message:
        "without a rule nothing is ever forgotten; newer versions of the script kept the newest snapshot alone",
    });
  }
}

function judgeRepository(section: Section, to: string): void {
  const webdav = section.raw("use_rclone") === true;
  section.judge("use_rclone", "mapped", { to: `${to}.at` });
  if (withoutCredentials(section.text("destination") ?? "").password === undefined) {
    section.judge("destination", "mapped", { to: webdav ? `${to}.environment` : `${to}.at` });
  } else section.judge("destination", "secret", { to: `${to}.environment` });
  const level = section.text("compression_level") ?? "";
  if (/^(auto|off|max)$/.test(level))
    section.judge("compression_level", "mapped", { to: `${to}.compression` });
  else {
    section.judge("compression_level", "changed", {
      to: `${to}.compression`,
      message: "restic has no levels by number: it was auto, and is",
    });
  }
  if (webdav) {
    section.judge("webdav_user", "mapped", { to: `${to}.environment` });
    section.judge(
      "webdav_password",
      section.text("webdav_password") === "" ? "unneeded" : "secret",
      {
        to: `${to}.environment`,
      },
    );
  } else
    section.judgeAll(["webdav_user", "webdav_password"], "unneeded", {
      message: "is used with use_rclone alone",
    });
}
