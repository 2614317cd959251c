// Knows: profiles of resticprofile, in YAML and in TOML, and what of them is continued. Must not know: any other tool.
import { type Entry, FoundSecret } from "../imported.ts";
import type { Reader, Reading } from "../reader.ts";
import { addResticJobs, type ResticJob, withoutCredentials } from "../restic-jobs.ts";
import { filled, keepIn, selectionIn } from "../restic-words.ts";
import { asMap, Section } from "../section.ts";
import { cronOf } from "../systemd-calendar.ts";

const notProfiles = new Set([
  "version",
  "global",
  "groups",
  "includes",
  "mixins",
  "schedules",
  "profiles",
  "$schema",
]);

/** Profiles of restic: a repository, what goes there, when, and what stays. */
export const resticprofile: Reader = {
  name: "resticprofile",
  title: "resticprofile",
  formats: ["yaml", "toml"],
  recognises: (root) =>
    [...profilesIn(root).values()].some(
      (profile) => profile.has("repository") || profile.has("backup"),
    ),
  read(reading) {
    const { root, report, imported } = reading;
    root.judgeAll(["version", "$schema"], "unneeded", { message: "the version of the file" });
    root.judge("global", "unmapped", {
      message:
        "see in it what was set for all profiles, such as restic-binary: program of the repository says that",
    });
    root.judge("groups", "unneeded", { message: "name several jobs: holdfast run JOB JOB" });
    root.judge("includes", "unmapped", {
      message: "other files are not read: import each by itself",
    });
    root.judgeAll(["mixins", "schedules"], "unmapped", {
      message: "is not read: write it where it is used",
    });
    const profiles = profilesIn(root);
    const jobs = [...profiles].flatMap(([name, profile]) =>
      jobOf(reading, { name, profile, profiles }),
    );
    if (jobs.length === 0 && profiles.size > 0) {
      report.problem(
        [...profiles.values()][0]?.path ?? [],
        "no profile says what is backed up (backup: source)",
        "key",
      );
    }
    report.throwProblems();
    addResticJobs(imported, jobs);
  },
};

function profilesIn(root: Section): ReadonlyMap<string, Section> {
  const later = root.raw("profiles");
  if (asMap(later) !== undefined) return root.sections("profiles");
  return new Map(
    root.keysAsWritten
      .filter((key) => !notProfiles.has(key) && asMap(root.raw(key)) !== undefined)
      .map(
        (key) => [key, new Section(root.report, { path: [key], value: root.raw(key) })] as const,
      ),
  );
}

interface ProfileOf {
  readonly name: string;
  readonly profile: Section;
  readonly profiles: ReadonlyMap<string, Section>;
}

/** The profile and those that it inherits from, the nearest first. */
function ancestry({ name, profile, profiles }: ProfileOf): readonly Section[] {
  const line: Section[] = [profile];
  const seen = new Set([name]);
  for (;;) {
    const last = line.at(-1);
    const above = last?.text("inherit");
    if (last === undefined || above === undefined) return line;
    const parent = profiles.get(above);
    if (parent === undefined || seen.has(above)) {
      last.problem(
        "inherit",
        parent === undefined ? "there is no profile of this name" : "profiles inherit in a circle",
      );
      return line;
    }
    seen.add(above);
    line.push(parent);
  }
}

/** One value of the nearest profile that has it. */
function inherited<Value>(
  line: readonly Section[],
  read: (section: Section) => Value | undefined,
): Value | undefined {
  for (const section of line) {
    const value = read(section);
    if (value !== undefined) return value;
  }
  return undefined;
}

function jobOf({ report }: Reading, of: ProfileOf): readonly ResticJob[] {
  const { name, profile } = of;
  const line = ancestry(of);
  const to = `jobs.${name}`;
  const backups = line.map((section) => section.section("backup"));
  const present = backups.filter((section) => section !== undefined);
  const sources = inherited(present, (section) => section.texts("source", `${to}.sources`));
  judgeProfile(profile, name);
  // A profile that others inherit from, and nothing else.
  if (sources === undefined || backups[0] === undefined) return [];
  const place = inherited(line, (section) => section.text("repository", `repositories.${name}.at`));
  if (place === undefined) {
    profile.needed("repository");
    return [];
  }
  const keeps = line.flatMap((section) => [
    section.section("retention"),
    section.section("forget"),
  ]);
  const keep = keeps
    .map((section) => keepIn(section, `${to}.keep`))
    .find((rules) => rules !== undefined && Object.keys(rules).length > 0);
  const selection = selectionOf(present, to);
  const tags =
    inherited(present, (section) => section.texts("tag", `repositories.${name}.tags`)) ?? [];
  const { exclude, ...more } = selection;
  return [
    {
      name,
      repositoryName: name,
      repository: repositoryOf(name, line, place),
      sources,
      perSource: false,
      tags,
      keep,
      exclude: Array.isArray(exclude) ? exclude.map(String) : [],
      more: {
        ...more,
        schedule: scheduleOf(present, to),
        hooks: hooksOf([...present, ...line], to),
      },
      sharing: (message) => report.judge(profile.path, "changed", { message }),
    },
  ];
}

function selectionOf(present: readonly Section[], to: string): Entry {
  return present
    .map((section) => filled(selectionIn(section, to)))
    .reduceRight<Entry>((sum, each) => ({ ...sum, ...each }), {});
}

function repositoryOf(
  name: string,
  line: readonly Section[],
  place: string,
): Entry & { readonly at: string } {
  const to = `repositories.${name}`;
  const { address, user, password } = withoutCredentials(place);
  const file = inherited(line, (section) => section.text("password-file", `${to}.password`));
  const command = inherited(line, (section) => section.text("password-command", `${to}.password`));
  const variables = Object.assign(
    {},
    ...line.toReversed().map((section) => environmentOf(section, name)),
  );
  return {
    at: address.replace(/^local:/, ""),
    password: passwordOf({ file, command, variables }),
    host: inherited(line, (section) => hostOf(section, to)),
    environment: environment({
      ...variables,
      ...(password === undefined
        ? {}
        : {
            RESTIC_REST_USERNAME: user,
            RESTIC_REST_PASSWORD: new FoundSecret(`${name}-server-password`, password),
          }),
    }),
  };
}

function hostOf(section: Section, to: string): string | undefined {
  return section.raw("host") === true ? undefined : section.text("host", `${to}.host`);
}

function environment(variables: Entry): Entry | undefined {
  const left = Object.entries(variables).filter(
    ([key, value]) => value !== undefined && !key.startsWith("RESTIC_PASSWORD"),
  );
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

function passwordOf({
  file,
  command,
  variables,
}: {
  readonly file: string | undefined;
  readonly command: string | undefined;
  readonly variables: Entry;
}): unknown {
  if (file !== undefined)
    return { file: /^[/~]/.test(file) ? file : `~/.config/resticprofile/${file}` };
  if (command !== undefined) return { command: ["sh", "-c", command] };
  return variables["RESTIC_PASSWORD"] ?? { env: "RESTIC_PASSWORD" };
}

function environmentOf(section: Section, name: string): Entry {
  const env = section.section("env");
  return Object.fromEntries(
    (env?.keysAsWritten ?? []).map((variable) => {
      const text = env?.text(variable) ?? "";
      const isSecret = /SECRET|PASSWORD|TOKEN|KEY/i.test(variable);
      env?.judge(variable, isSecret ? "secret" : "mapped", {
        to: `repositories.${name}.environment`,
      });
      return [
        variable.toUpperCase(),
        isSecret ? new FoundSecret(`${name}-${variable.toLowerCase()}`, text) : text,
      ];
    }),
  );
}

function scheduleOf(present: readonly Section[], to: string): string | undefined {
  const texts = inherited(present, (section) => section.texts("schedule"));
  const cron = texts?.length === 1 ? cronOf(texts[0] ?? "") : undefined;
  for (const section of present) {
    section.judge(
      "schedule",
      cron === undefined ? "unmapped" : "mapped",
      cron === undefined
        ? { message: "write this time as a schedule of cron" }
        : { to: `${to}.schedule` },
    );
    section.judgeAll(
      [
        "schedule-permission",
        "schedule-priority",
        "schedule-lock-mode",
        "schedule-lock-wait",
        "schedule-log",
        "schedule-after-network-online",
      ],
      "unneeded",
      { message: "the daemon decides it" },
    );
  }
  return cron;
}

function hooksOf(sections: readonly Section[], to: string): Entry | undefined {
  const lines = (key: string): readonly (readonly string[])[] =>
    sections.flatMap((section) =>
      (section.texts(key, `${to}.hooks`) ?? []).map((text) => ["sh", "-c", text]),
    );
  const hooks = filled({
    before: lines("run-before"),
    after: [...lines("run-after"), ...lines("run-finally")],
    "on-failure": lines("run-after-fail"),
  });
  return Object.keys(hooks).length === 0 ? undefined : hooks;
}

function judgeProfile(profile: Section, name: string): void {
  profile.judge("inherit", "mapped", { to: `jobs.${name}` });
  profile.judgeAll(
    ["lock", "force-inactive-lock", "initialize", "status-file", "priority"],
    "unneeded",
    {
      message:
        "Holdfast keeps its own locks and its own records; holdfast init creates repositories",
    },
  );
  judgeFlags(profile);
}

function judgeFlags(profile: Section): void {
  for (const key of ["retention", "forget"]) {
    profile.section(key)?.judgeAll(["before-backup", "after-backup"], "unneeded", {
      message: "a run forgets after its backup, when that has succeeded",
    });
  }
  for (const key of ["check", "prune"]) {
    profile.judge(key, "unmapped", { message: `see ${key}-every of the repository or the job` });
  }
}
