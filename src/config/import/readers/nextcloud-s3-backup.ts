// Knows: mappings and command line of nextcloud-s3-backup, and what of it is continued. Must not know: any other tool.
import { FoundSecret, type Entry } from "../imported.ts";
import type { Reader, Reading } from "../reader.ts";
import type { Section } from "../section.ts";

/** The files of a Nextcloud on S3, as trees of hard links. */
export const nextcloudS3Backup: Reader = {
  name: "nextcloud-s3-backup",
  title: "nextcloud-s3-backup",
  formats: ["yaml"],
  recognises: (root) =>
    root.has("mapping") && (root.has("backup_date_format") || isMapping(root.raw("mapping"))),
  read(reading) {
    const { root, report } = reading;
    const mappings = root.list("mapping");
    if (mappings.length === 0) report.problem(root.at("mapping"), "holds no mapping");
    const format = root.text("backup_date_format");
    const excluded = excludedTypes(root);
    const given = mappings.map((mapping) => readMapping(mapping));
    report.throwProblems();
    judgeSettings(reading);

    const roots = Map.groupBy(given, ({ place }) => place);
    for (const [place, trees] of roots)
      addTree(reading, { place, trees, format: format ?? "%y%m%d-%H%M", excluded });
    root.judge("backup_date_format", "mapped", { to: "repositories" });
  },
};

/** What stood on the command line is told of as well: a file has nothing of it. */
function judgeSettings({ settings, report }: Reading): void {
  for (const [name, value] of settings) {
    const isSecret = /key$|^pg-dsn$/.test(name);
    if (name !== "pg-schema") {
      report.judge([`--${name}`], isSecret ? "secret" : "mapped", { to: "jobs" });
    } else if (value === "public")
      report.judge([`--${name}`], "unneeded", { message: "is the default" });
    else {
      report.judge([`--${name}`], "unmapped", {
        message:
          "tables are looked for where the user of the database finds them: ALTER ROLE … SET search_path",
      });
    }
  }
}

function isMapping(value: unknown): boolean {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.some((item) => Object.hasOwn(Object(item), "backup_root_path"));
}

interface Mapping {
  readonly section: Section;
  readonly place: string;
  readonly bucket: string;
  readonly tree: Entry;
  readonly all: boolean;
}

function readMapping(section: Section): Mapping {
  const place = section.needed("backup_root_path").replace(/(?<=.)\/+$/, "");
  const path = section.text("nextcloud_path") ?? "";
  const storage = section.count("storage_id");
  if (storage === undefined && !section.has("storage_id")) section.needed("storage_id");
  const clean = path.replace(/\/+$/, "");
  return {
    section,
    place,
    bucket: section
      .needed("bucket")
      .replace(/^s3:\/\//, "")
      .replaceAll(/^\/+|\/+$/g, ""),
    tree: {
      storage,
      folder: section.needed("user_name"),
      path: clean === "" ? undefined : clean,
    },
    all: clean === "",
  };
}

/** Numbers of the table of types. Those of folders were left out so that they were no files. */
function excludedTypes(root: Section): readonly unknown[] {
  const value = root.raw("excluded_mimetype_ids");
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  if (list.some((id) => !Number.isSafeInteger(id))) {
    root.problem("excluded_mimetype_ids", "expected a list of whole numbers");
  }
  root.judge("excluded_mimetype_ids", "changed", {
    to: "jobs",
    message:
      "the number of folders is not needed: folders are never taken for files here. What other numbers stand for is left out, as before",
  });
  return list;
}

interface TreeOf {
  readonly place: string;
  readonly trees: readonly Mapping[];
  readonly format: string;
  readonly excluded: readonly unknown[];
}

function addTree(reading: Reading, { place, trees, format, excluded }: TreeOf): void {
  const { imported, report } = reading;
  const wanted = `cloud-${place.split("/").at(-1) ?? "files"}`;
  const repository = imported.add("repositories", wanted, {
    engine: "objects",
    at: place,
    "name-format": format,
    ...transfer(reading),
  });
  for (const [bucket, same] of Map.groupBy(trees, (each) => each.bucket)) {
    const first = trees[0]?.bucket === bucket;
    if (!first) {
      for (const { section } of same) {
        report.judge(section.path, "unmapped", {
          message: "another bucket under the same root: give it a root of its own, and a job",
        });
      }
      continue;
    }
    const job = imported.add("jobs", wanted, {
      sources: [
        {
          "nextcloud-objects": {
            database: database(reading),
            s3: { bucket, ...store(reading) },
            trees: same.map(({ tree }) => tree),
            include: same.some(({ all }) => all) ? ["trashbin", "versions", "uploads"] : undefined,
            "exclude-mimetypes": excluded.length > 0 ? excluded : undefined,
          },
        },
      ],
      repository,
    });
    imported.comment(
      ["jobs", job],
      'Say when: schedule: "0 3 * * *", and how long snapshots stay: keep: { daily: 14, monthly: 12 }. Without it nothing is ever forgotten, as before.',
    );
    for (const mapping of same) judgeMapping(mapping, { job, repository });
  }
}

function judgeMapping(
  { section, all }: Mapping,
  { job, repository }: { readonly job: string; readonly repository: string },
): void {
  const to = `jobs.${job}.sources[0].nextcloud-objects`;
  section.judgeAll(["storage_id", "user_name"], "mapped", { to: `${to}.trees` });
  section.judge("bucket", "mapped", { to: `${to}.s3.bucket` });
  section.judge("backup_root_path", "mapped", { to: `repositories.${repository}.at` });
  const path = section.text("nextcloud_path") ?? "";
  const isPrefix = path !== "" && (!path.endsWith("/") || /[_%]/.test(path));
  if (all) {
    section.judge("nextcloud_path", "changed", {
      to: `${to}.include`,
      message:
        "the whole storage held trash, versions and uploads as well, and still does; take include away to leave them out",
    });
  } else {
    section.judge("nextcloud_path", isPrefix ? "changed" : "mapped", {
      to: `${to}.trees`,
      ...(isPrefix
        ? {
            message:
              "it is this folder alone now; as a pattern of the database it also took what only begins like it, whatever the case of letters",
          }
        : {}),
    });
  }
}

function store({ settings }: Reading): Entry {
  const key = settings.get("s3-access-key");
  const secret = settings.get("s3-secret-key");
  return {
    endpoint: settings.get("s3-endpoint-url") ?? "https://s3.fr-par.scw.cloud",
    region: settings.get("s3-region-name") ?? "fr-par",
    "access-key":
      key === undefined ? { env: "AWS_ACCESS_KEY_ID" } : new FoundSecret("s3-access-key", key),
    "secret-key":
      secret === undefined
        ? { env: "AWS_SECRET_ACCESS_KEY" }
        : new FoundSecret("s3-secret-key", secret),
  };
}

function transfer({ settings }: Reading): Entry {
  const bandwidth = settings.get("s3-max-bandwidth");
  const parallel = Number(settings.get("s3-max-concurrency"));
  return {
    bandwidth: bandwidth === undefined ? undefined : `${bandwidth}MB`,
    parallel: Number.isSafeInteger(parallel) && parallel > 0 ? parallel : undefined,
  };
}

/** What `--pg-dsn` says, as an address or in the words of libpq. */
function database({ settings }: Reading): Entry {
  const dsn = settings.get("pg-dsn") ?? "postgresql:///nc-backup";
  const parts = dsn.includes("://") ? partsOfAddress(dsn) : partsOfWords(dsn);
  const { password, port } = parts;
  return {
    kind: "postgresql",
    host: parts.host,
    port: port === undefined ? undefined : Number(port),
    user: parts.user,
    name: parts.name,
    password: password === undefined ? undefined : new FoundSecret("nextcloud-database", password),
  };
}

type DsnParts = Readonly<Partial<Record<"host" | "port" | "user" | "name" | "password", string>>>;

function partsOfAddress(dsn: string): DsnParts {
  const [, user, password, host, port, name] =
    /^[a-z]+:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^:/?]*)(?::(\d+))?(?:\/([^?]*))?/.exec(dsn) ?? [];
  return defined({ user, password, host, port, name });
}

function partsOfWords(dsn: string): DsnParts {
  const words = new Map(
    [...dsn.matchAll(/([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/g)].map(
      ([, key = "", quoted, bare]) => [key, quoted?.replaceAll(/\\(.)/g, "$1") ?? bare] as const,
    ),
  );
  return defined({
    host: words.get("host"),
    port: words.get("port"),
    user: words.get("user"),
    name: words.get("dbname"),
    password: words.get("password"),
  });
}

function defined(parts: Readonly<Record<string, string | undefined>>): DsnParts {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([key, value]) =>
      value === undefined || value === "" ? [] : [[key, decoded(value)]],
    ),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that encodes nothing stands for itself.
    return text;
  }
}
