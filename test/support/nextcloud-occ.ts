// Knows: what the occ of a real Nextcloud 29 prints and does to config.php. Must not know: who asks.
//
// Started as `node nextcloud-occ.ts FOLDER VERSION MILLISECONDS WORDS…` by the wrapper that `newNextcloud` makes. What it says is
// what was captured in test/fixtures/nextcloud/occ; its state is in FOLDER/config, where the real one has it.
import { accessSync, appendFileSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { randomBytes } from "node:crypto";
import { naturalOrder } from "../../src/nextcloud/natural-order.ts";
import { databaseTrouble } from "./nextcloud-database.ts";
import {
  type Config,
  configFilesOf,
  configTrouble,
  jsonOf,
  plain,
  readConfigFolder,
  textIn,
  writeConfig,
} from "./nextcloud-config.ts";

interface Answer {
  readonly exit: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const cannotWrite = `Cannot write into "config" directory!
This can usually be fixed by giving the web server write access to the config directory.

But, if you prefer to keep config.php file read only, set the option "config_is_read_only" to true in it.
See https://docs.nextcloud.com/server/29/go.php?to=admin-config
`;
const notInstalled =
  "Nextcloud is not installed - only a limited number of commands are available\n";
const inMaintenance =
  "Nextcloud is in maintenance mode, no apps are loaded.\nCommands provided by apps are unavailable.\n";
const needsUpgrade =
  "Nextcloud or one of the apps require upgrade - only a limited number of commands are available\nYou may use your browser or the occ upgrade command to do the upgrade\n";

const scanned = `Starting scan for user 1 out of 1 (alice)
+---------+-------+-----+---------+---------+--------+--------------+
| Folders | Files | New | Updated | Removed | Errors | Elapsed time |
+---------+-------+-----+---------+---------+--------+--------------+
| 0       | 0     | 0   | 0       | 0       | 0      | 00:00:00     |
+---------+-------+-----+---------+---------+--------+--------------+
`;

/** One call: its place, its words, and what is known by then. */
interface Call {
  readonly folder: string;
  readonly words: readonly string[];
  readonly version: string;
}

async function main(): Promise<void> {
  const began = performance.now();
  const [folder = "", version = "", milliseconds, ...words] = process.argv.slice(2);
  const uid = process.getuid?.() ?? 0;
  appendFileSync(join(folder, "occ.log"), `${JSON.stringify({ words, uid, at: Date.now() })}\n`);
  const answer = await answerTo({ folder, words, version });
  process.stderr.write(answer.stderr ?? "");
  process.stdout.write(answer.stdout ?? "");
  process.exitCode = answer.exit;
  const left = Number(milliseconds) - (performance.now() - began);
  if (left > 0) await sleep(left);
}

/** In the order in which the real one looks. */
async function answerTo(call: Call): Promise<Answer> {
  const folder = join(call.folder, "config");
  const file = join(folder, "config.php");
  const unreadable = configFilesOf(folder).find((one) => !may(one, constants.R_OK));
  if (unreadable !== undefined) return { exit: 0, stdout: cannotWrite, stderr: failedOpen(file) };
  const trouble = configTrouble(folder);
  if (trouble !== undefined) return { exit: 1, stdout: unhandled(trouble) };
  const config = readConfigFolder(folder);
  if (!existsSync(file) || config.get("installed") !== true) return withoutInstallation(call);
  const missing = appsPaths(config).find((path) => !existsSync(path));
  if (missing !== undefined) {
    const said = `App directory "${missing}" not found! Please put the Nextcloud apps folder in the Nextcloud folder. You can also configure the location in the config.php file.`;
    return { exit: 0, stdout: said };
  }
  if (config.get("config_is_read_only") !== true && !isWritable(file)) {
    return { exit: 0, stdout: cannotWrite };
  }
  const down = await databaseTrouble(plain(config));
  if (down !== undefined) return { exit: 1, stdout: unhandled(down) };
  return asOwner(call, config, file);
}

function asOwner(call: Call, config: Config, file: string): Answer {
  const uid = process.getuid?.() ?? 0;
  const owner = statSync(file).uid;
  if (uid !== owner) return { exit: 1, stdout: wrongUser(uid, owner) };
  const order = naturalOrder(textIn(config, "version"), call.version);
  if (order > 0) {
    const reason = `Downgrading is not supported and is likely to cause unpredictable issues (from ${textIn(config, "version")} to ${call.version})`;
    const said = `An unhandled exception has been thrown:\nOCP\\HintException: [0]: ${reason} ()\n`;
    return { exit: 1, stdout: said };
  }
  if (!existsSync(join(textIn(config, "datadirectory"), ".ocdata"))) {
    const said = `Your data directory is invalid.\nEnsure there is a file called ".ocdata" in the root of the data directory.\n\n`;
    const failure = "Exception: Environment not properly prepared. in console";
    return { exit: 1, stdout: `${said}${unhandled(failure)}` };
  }
  const answer = command(call, { config, file, needsUpgrade: order < 0 });
  const isOn = config.get("maintenance") === true;
  const notice = order < 0 ? needsUpgrade : isOn ? inMaintenance : "";
  const isQuiet = call.words[0] === "status" || call.words[0] === "maintenance:mode";
  const stderr = `${order >= 0 && isQuiet ? "" : notice}${answer.stderr ?? ""}`;
  return { ...answer, stderr };
}

interface Place {
  readonly config: Config;
  readonly file: string;
}

interface State extends Place {
  readonly needsUpgrade: boolean;
}

function command({ folder, words, version }: Call, state: State): Answer {
  const { config, file } = state;
  const isOn = config.get("maintenance") === true;
  const [name = ""] = words;
  switch (name) {
    case "status":
      return status(words, {
        installed: true,
        version,
        maintenance: isOn,
        needsDbUpgrade: state.needsUpgrade,
      });
    case "maintenance:mode":
      return maintenanceMode(words, { config, file, isOn });
    case "maintenance:data-fingerprint":
      return change(state, "data-fingerprint", randomBytes(16).toString("hex"));
    case "config:list":
      return { exit: 0, stdout: `{"system":${listed(config, words)}}\n` };
    case "config:system:get":
      return got(config, words);
    case "files:scan":
      return scan(isOn || state.needsUpgrade);
    case "user:list":
      return { exit: 0, stdout: `${users(folder)}\n` };
    case "--version":
      return { exit: 0, stdout: `Nextcloud ${short(version)}\n` };
    default:
      return { exit: 1, stderr: unknown(name) };
  }
}

function scan(isLimited: boolean): Answer {
  if (!isLimited) return { exit: 0, stdout: scanned };
  return { exit: 1, stderr: unknown("files:scan") };
}

function withoutInstallation({ words, version }: Call): Answer {
  if (words[0] === "status") {
    const facts = { installed: false, version, maintenance: false, needsDbUpgrade: false };
    return { ...status(words, facts), stderr: notInstalled };
  }
  if (words[0] === "maintenance:mode") {
    const question = ` Do you want to run "maintenance:install" instead?  (yes/no) [no]:\n > \n`;
    const stdout = `${framed(`Command "maintenance:mode" is not defined.`)}${question}`;
    return { exit: 1, stdout, stderr: notInstalled };
  }
  return { exit: 1, stderr: `${notInstalled}${unknown(words[0] ?? "")}` };
}

function unknown(name: string): string {
  const namespace = name.split(":").slice(0, -1).join(":");
  return namespace === ""
    ? framed(`Command "${name}" is not defined.`)
    : framed(`There are no commands defined in the "${namespace}" namespace.`);
}

interface Status {
  readonly installed: boolean;
  readonly version: string;
  readonly maintenance: boolean;
  readonly needsDbUpgrade: boolean;
}

function status(words: readonly string[], facts: Status): Answer {
  if (words.includes("-e")) return { exit: facts.needsDbUpgrade ? 2 : facts.maintenance ? 1 : 0 };
  const told = {
    installed: facts.installed,
    version: facts.version,
    versionstring: short(facts.version),
    edition: "",
    maintenance: facts.maintenance,
    needsDbUpgrade: facts.needsDbUpgrade,
    productname: "Nextcloud",
    extendedSupport: false,
  };
  if (words.includes("--output=json")) return { exit: 0, stdout: `${JSON.stringify(told)}\n` };
  const lines = Object.entries(told).map(([key, value]) => `  - ${key}: ${value}\n`);
  return { exit: 0, stdout: lines.join("") };
}

function maintenanceMode(
  words: readonly string[],
  { config, file, isOn }: { readonly config: Config; readonly file: string; isOn: boolean },
): Answer {
  const option = words.slice(1).find((word) => word.startsWith("--"));
  const now = isOn ? "enabled" : "disabled";
  if (option === undefined) return { exit: 0, stdout: `Maintenance mode is currently ${now}\n` };
  if (option !== "--on" && option !== "--off") {
    const said = framed(`The "${option.split("=", 1)[0]}" option does not exist.`);
    return { exit: 1, stderr: `${said}maintenance:mode [--on] [--off]\n\n` };
  }
  const wanted = option === "--on";
  if (wanted === isOn) return { exit: 0, stdout: `Maintenance mode already ${now}\n` };
  const changed = change({ file, config }, "maintenance", wanted);
  if (changed.exit !== 0) return changed;
  return { exit: 0, stdout: `Maintenance mode ${wanted ? "enabled" : "disabled"}\n` };
}

function change({ file, config }: Place, key: string, value: string | boolean): Answer {
  if (config.get("config_is_read_only") === true) {
    const said = `Config is set to be read-only via option "config_is_read_only".`;
    return { exit: 1, stderr: `\nIn Config.php line 328:${framed(said)}` };
  }
  writeConfig(file, new Map([...config, [key, value]]));
  return { exit: 0 };
}

const sensitive = ["instanceid", "passwordsalt", "secret", "mail_smtppassword", "dbhost", "dbname"];
const alsoSensitive = ["dbuser", "dbpassword", "datadirectory"];

function listed(config: Config, words: readonly string[]): string {
  if (words.includes("--private")) return jsonOf(config);
  const masked = [...config].map(([key, value]) =>
    sensitive.includes(key) || alsoSensitive.includes(key)
      ? ([key, "***REMOVED SENSITIVE VALUE***"] as const)
      : ([key, value] as const),
  );
  return jsonOf(new Map(masked));
}

function got(config: Config, words: readonly string[]): Answer {
  const environment = process.env[`NC_${words[1] ?? ""}`];
  const value = environment ?? config.get(words[1] ?? "");
  if (value === undefined || value === null) return { exit: 1 };
  const json = value instanceof Map ? jsonOf(value) : JSON.stringify(value).replaceAll("/", "\\/");
  const isJson = words.includes("--output=json");
  return { exit: 0, stdout: `${isJson ? json : json.replaceAll(/^"|"$/g, "")}\n` };
}

function users(folder: string): string {
  return existsSync(join(folder, "users.json"))
    ? readFileSync(join(folder, "users.json"), "utf8")
    : `{"alice":"Alice"}`;
}

function appsPaths(config: Config): readonly string[] {
  const paths = config.get("apps_paths");
  if (!(paths instanceof Map)) return [];
  return [...paths.values()].map((entry) =>
    entry instanceof Map ? String(entry.get("path")) : "",
  );
}

function wrongUser(uid: number, owner: number): string {
  return `Console has to be executed with the user that owns the file config/config.php
Current user id: ${uid}
Owner id of config.php: ${owner}
Try adding 'sudo -u #${owner}' to the beginning of the command (without the single quotes)
If running with 'docker exec' try adding the option '-u ${owner}' to the docker command (without the single quotes)
`;
}

function unhandled(what: string): string {
  return `An unhandled exception has been thrown:\n${what}\nStack trace:\n#0 /srv/nextcloud/app/occ(11): require_once('...')\n#1 {main}`;
}

function failedOpen(file: string): string {
  const message = `fopen(${file}): Failed to open stream: Permission denied`;
  return `${JSON.stringify({ level: 3, app: "PHP", message })}\n`;
}

function framed(text: string): string {
  const blank = " ".repeat(text.length + 4);
  return `\n${blank}\n  ${text}  \n${blank}\n\n`;
}

function may(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    // It may not, which is the answer.
    return false;
  }
}

/** By the mode, as root may write to everything. */
function isWritable(file: string): boolean {
  return may(file, constants.W_OK) && (statSync(file).mode & 0o222) !== 0;
}

function short(version: string): string {
  return version.split(".").slice(0, 3).join(".");
}

await main();
