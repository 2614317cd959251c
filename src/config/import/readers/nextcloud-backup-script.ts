// Knows: config.toml of the Nextcloud backup script, through all its versions, and what of it is continued. Must not know: any other tool.
import { posix } from "node:path";
import type { Entry } from "../imported.ts";
import type { Reader, Reading } from "../reader.ts";
import type { Section } from "../section.ts";

const job = "nextcloud";
const sourceKey = `jobs.${job}.sources[0].nextcloud`;

/** A Nextcloud in Docker, as full and differential archives of tar that are sent to further machines. */
export const nextcloudBackupScript: Reader = {
  name: "nextcloud-backup-script",
  title: "the Nextcloud backup script",
  formats: ["toml"],
  recognises: (root) => {
    const keys = Object.keys(Object(root.raw("general")));
    return (
      keys.includes("maintance_cmd") || (keys.includes("source_dir") && keys.includes("tmp_dir"))
    );
  },
  read(reading) {
    const { root, imported } = reading;
    const general = root.section("general");
    if (general === undefined) return void root.needed("general");
    const encrypt = encryption(root);
    const target = trimmed(general.needed("target_dir"));
    const own = keepOf(general);
    imported.add("repositories", job, {
      engine: "tar",
      at: target,
      "full-every": days(general, "days_between_backups"),
      compress: "gzip",
      encrypt,
      keep: own.keep,
    });
    const copies = [...root.sections("remote")].flatMap(([name, remote]) =>
      addRemote(reading, remote, { name, target, own, encrypt }),
    );
    const notify = notifier(reading);
    imported.add("jobs", job, {
      sources: [{ nextcloud: nextcloud(root, general) }],
      repository: job,
      copies: copies.length > 0 ? copies : undefined,
      schedule: every(general),
      notify,
    });
    judgeGeneral(general);
    imported.comment(
      ["jobs", job, "schedule"],
      "A line of cron started the script every night. Let holdfast daemon do it, or let cron start: holdfast run nextcloud --due",
    );
  },
};

function nextcloud(root: Section, general: Section): Entry {
  const docker = root.section("docker");
  const database = root.section("database");
  const inDocker = docker?.flag("enable") === true;
  docker?.judge("enable", "mapped", { to: `${sourceKey}.database.through` });
  docker?.judge("nc_container_name", "unneeded", { message: "the script never used it" });
  for (const key of ["db_container_name", "compose_file"]) {
    docker?.judge(
      key,
      inDocker ? "mapped" : "unneeded",
      inDocker ? { to: `${sourceKey}.database.through` } : { message: "docker was not enabled" },
    );
  }
  const through = inDocker
    ? [
        "/usr/bin/docker",
        "compose",
        "-f",
        docker.needed("compose_file"),
        "exec",
        "-T",
        docker.needed("db_container_name"),
      ]
    : undefined;
  return {
    data: trimmed(general.needed("source_dir")),
    occ: occ(general),
    database: {
      through,
      name: database?.text("db_name", `${sourceKey}.database.name`),
      user: database?.text("username", `${sourceKey}.database.user`),
      password: database?.secret(
        "password",
        "nextcloud-database",
        `${sourceKey}.database.password`,
      ),
    },
    capture: "staged",
    staging: trimmed(general.needed("tmp_dir")),
    ...extraPaths(general),
  };
}

/** The folder of config.php is known by its name; with it maintenance needs no PHP. */
function extraPaths(general: Section): Entry {
  const paths = general.texts("extra_paths")?.map(trimmed) ?? [];
  const config = paths.find((path) => posix.basename(path) === "config");
  const extra = paths.filter((path) => path !== config);
  if (config === undefined) general.judge("extra_paths", "mapped", { to: `${sourceKey}.extra` });
  else {
    general.judge("extra_paths", "changed", {
      to: `${sourceKey}.config`,
      message: `${config} is taken for the folder of config.php: maintenance is switched there, without starting PHP`,
    });
  }
  return { config, extra: extra.length === 0 ? undefined : extra };
}

/** The command without its last word. The script split it at blanks, whatever quotes said, and so does this. */
function occ(general: Section): readonly string[] {
  const command = general.needed("maintance_cmd");
  const words = command.split(" ").filter((word) => word !== "");
  const last = words.lastIndexOf("maintenance:mode");
  const base = last === -1 ? words : words.slice(0, last);
  const fitting = withoutTerminal(base);
  const changes = [
    last === -1
      ? ["it did not end in maintenance:mode: see whether this is how occ is called"]
      : [],
    fitting.join(" ") === base.join(" ")
      ? []
      : ["docker compose exec gets no terminal (-T): there is none at night"],
    /["'\\]/.test(command)
      ? ["the script took quotes for ordinary characters, and so they stand here"]
      : [],
  ].flat();
  const what = changes.length === 0 ? {} : { message: changes.join("; ") };
  general.judge("maintance_cmd", changes.length === 0 ? "mapped" : "changed", {
    to: `${sourceKey}.occ`,
    ...what,
  });
  return fitting;
}

function withoutTerminal(words: readonly string[]): readonly string[] {
  const exec = words.indexOf("exec");
  if (exec === -1) return words;
  const before = words.slice(0, exec + 1);
  const after = words
    .slice(exec + 1)
    .filter((word) => word !== "-t" && word !== "-it" && word !== "-ti" && word !== "--tty");
  const isCompose = before.some((word) => /(^|[/-])compose$/.test(word));
  const has = after.includes("-T") || after.includes("--no-TTY") || after.includes("--no-tty");
  return isCompose && !has ? [...before, "-T", ...after] : [...before, ...after];
}

interface Keep {
  readonly full: number;
  readonly differential: number | undefined;
  readonly keep: Entry;
}

function keepOf(section: Section, least?: Keep): Keep {
  const full = Math.max(section.count("num_full_backups") ?? least?.full ?? 1, least?.full ?? 1, 1);
  const given = section.count("num_differential_backups") ?? least?.differential;
  const differential = given === undefined ? undefined : Math.max(given, least?.differential ?? 0);
  return {
    full,
    differential,
    keep: { full, differential: differential === 0 ? undefined : differential },
  };
}

function judgeGeneral(general: Section): void {
  general.judge("source_dir", "mapped", { to: `${sourceKey}.data` });
  general.judge("tmp_dir", "mapped", { to: `${sourceKey}.staging` });
  general.judge("target_dir", "mapped", { to: `repositories.${job}.at` });
  general.judgeAll(["log_file", "log_dir"], "unneeded", {
    message: "what happened is in the journal: holdfast history, holdfast logs",
  });
  const none = general.raw("num_full_backups") === 0;
  general.judge("num_full_backups", none ? "changed" : "mapped", {
    to: `repositories.${job}.keep.full`,
    ...(none ? { message: "one full archive always stays" } : {}),
  });
  general.judge("num_differential_backups", "changed", {
    to: `repositories.${job}.keep`,
    message:
      "the first version of the script never read it, and kept all differential archives of the full ones it kept",
  });
  general.judge("days_between_backups", "changed", {
    to: `repositories.${job}.full-every`,
    message:
      "a full archive is made when the newest is this old, not half a day later, as the script did",
  });
  general.judge("days_between_diff_backups", "changed", {
    to: `jobs.${job}.schedule`,
    message:
      "a run is due when the last is this long ago; the script compared with the time of files, and was late by some hours",
  });
}

function days(section: Section, key: string): string | undefined {
  const value = section.number(key);
  if (value === undefined) return void (section.has(key) || section.needed(key));
  return value <= 0 ? "1m" : duration(value);
}

function every(general: Section): Entry | undefined {
  const value = days(general, "days_between_diff_backups");
  return value === undefined ? undefined : { every: value };
}

function duration(value: number): string {
  if (Number.isInteger(value)) return `${value}d`;
  if (Number.isInteger(value * 24)) return `${value * 24}h`;
  return `${Math.max(1, Math.round(value * 24 * 60))}m`;
}

function encryption(root: Section): Entry | undefined {
  // It was misspelt so in the first configurations.
  const section = root.section("encryption") ?? root.section("encrpytion");
  if (section === undefined) return undefined;
  const to = `repositories.${job}.encrypt`;
  const enabled = section.flag("enable") !== false;
  section.judge("enable", "mapped", { to });
  const passphrase = section.secret("password", "nextcloud-archives", `${to}.gpg.passphrase`);
  if (!enabled) {
    section.judge("password", "unneeded", { message: "archives were not encrypted" });
    return undefined;
  }
  if (passphrase === undefined) section.needed("password");
  return { gpg: { passphrase } };
}

interface RemoteOf {
  readonly name: string;
  readonly target: string;
  readonly own: Keep;
  readonly encrypt: Entry | undefined;
}

/** A further machine: the archives are in a folder there that is called like the one here. */
function addRemote(
  { imported, report }: Reading,
  remote: Section,
  { name, target, own, encrypt }: RemoteOf,
): readonly string[] {
  if (remote.flag("enable") === false) {
    report.judge(remote.path, "unneeded", { message: "it was switched off" });
    return [];
  }
  const host = imported.add("hosts", name, {
    addresses: [remote.needed("address")],
    user: remote.needed("username"),
    key: remote.text("ssh_key"),
  });
  const volume = imported.add("volumes", name, {
    host,
    path: trimmed(remote.needed("target_dir")),
  });
  const repository = imported.add("repositories", `${job}-${name}`, {
    engine: "tar",
    at: `${volume}:${posix.basename(target)}`,
    compress: "gzip",
    encrypt,
    keep: keepOf(remote, own).keep,
  });
  remote.judge("enable", "mapped", { to: `jobs.${job}.copies` });
  remote.judgeAll(["address", "username", "ssh_key"], "mapped", { to: `hosts.${host}` });
  remote.judge("target_dir", "changed", {
    to: `volumes.${volume}.path`,
    message:
      "it is a volume now, which holdfast init marks: without the marker nothing is sent there",
  });
  remote.judge("run_as", "unmapped", {
    message:
      "Holdfast runs ssh as the user that it runs as itself: name the key of that user under ssh_key, as key of the host",
  });
  for (const key of ["num_full_backups", "num_differential_backups"]) {
    remote.judge(key, "mapped", { to: `repositories.${repository}.keep` });
  }
  return [repository];
}

function notifier({ root, imported }: Reading): readonly string[] | undefined {
  const section = root.section("notifier");
  const webhook = section?.secret(
    "discord-webhook",
    "discord-webhook",
    "notifiers.discord.webhook",
  );
  if (webhook === undefined) {
    section?.judge("discord-webhook", "unneeded", { message: "nobody was told" });
    return undefined;
  }
  const on = ["success", "warning", "failure", "recovered"];
  const name = imported.add("notifiers", "discord", { type: "discord", webhook, on });
  imported.comment(
    ["notifiers", name, "on"],
    "The script told of every run; without `on` only of what is wrong.",
  );
  return [name];
}

function trimmed(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
