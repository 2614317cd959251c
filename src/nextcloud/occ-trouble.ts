// Knows: what occ, PHP and what starts them say when they cannot do their work. Must not know: what was asked of them.
import { lastWords } from "../hosts/command-failed.ts";
import { showCommand } from "../hosts/show-command.ts";
import { type ErrorCode, HoldfastError } from "../kernel/errors.ts";

/** What one call of occ left behind. */
export interface OccOutput {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What its hints need to know. */
export interface OccSetting {
  readonly occ: readonly [string, ...string[]];
  /** Of config.php, where it is known. */
  readonly owner?: string;
}

/** occ did not do what it was asked to. */
export class OccFailed extends HoldfastError {
  /** Trying again soon may help: a database that starts, a file that is being written. */
  readonly mayPass: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    details: { readonly hint: string; readonly mayPass: boolean },
  ) {
    super(code, message, { hint: details.hint });
    this.name = "OccFailed";
    this.mayPass = details.mayPass;
  }
}

interface Trouble {
  readonly pattern: RegExp;
  readonly code?: ErrorCode;
  readonly mayPass?: true;
  /** occ ends with 0 all the same. */
  readonly atZero?: true;
  /** `$1` is what the first group found. */
  readonly message: string;
  readonly hint: (setting: OccSetting, found: RegExpExecArray) => string;
}

const always = (hint: string) => (): string => hint;
const mendDatabase = always(
  "start the database, or see to it that it answers: occ does nothing without it",
);
const mendConfig = always("mend config.php; a backup of it is in the snapshots of this source");

/** The first that fits is the cause. */
const troubles: readonly Trouble[] = [
  {
    pattern: /has to be executed with the user that owns[\s\S]*?Owner id of config\.php: (\d+)/,
    message: "occ does not run as the owner of config.php, who is user $1",
    hint: (setting, [, uid = ""]) => runAs(setting, uid),
  },
  {
    pattern: /^(?:Cannot write into "config" directory|Can't write into config directory)/m,
    atZero: true,
    message: "occ cannot write to config.php, and does nothing then",
    hint: (setting) =>
      `${runAs(setting, setting.owner)}; where config.php is meant to be read-only, say 'config_is_read_only' => true in it, and here: maintenance: file`,
  },
  {
    pattern: /Config is set to be read-only via option/,
    message: "config.php says that it is read-only, so occ cannot switch maintenance mode",
    hint: always("name the folder of config.php as `config`, and say: maintenance: file"),
  },
  {
    pattern: /^App directory "([^"]*)" not found/m,
    atZero: true,
    message: "config.php names $1 in apps_paths, which is not there; occ does nothing then",
    hint: always("make that folder, or take it out of apps_paths in config.php"),
  },
  {
    pattern:
      /Access denied for user '[^']*'@'[^']*' to database '([^']*)'|Unknown database '([^']*)'/,
    code: "database-unusable",
    message: "the database in config.php is not one that its user may use",
    hint: always("correct dbname in config.php, or grant its user the rights"),
  },
  {
    pattern: /SQLSTATE[^\n]*(?:Access denied|authentication failed|role "[^"]*" does not exist)/,
    code: "database-unusable",
    message: "the database refuses the user or the password that config.php has",
    hint: always("correct dbuser and dbpassword in config.php"),
  },
  {
    pattern: /SQLSTATE[^\n]*database "([^"]*)" does not exist/,
    code: "database-unusable",
    message: "the database $1 of config.php does not exist",
    hint: always("correct dbname in config.php"),
  },
  {
    pattern: /(SQLSTATE[^\n]*?)(?: in \/\S+:\d+)?(?:\n|$)/,
    code: "database-unusable",
    mayPass: true,
    message: "Nextcloud does not reach its database: $1",
    hint: mendDatabase,
  },
  {
    pattern: /Failed to connect to the database/,
    code: "database-unusable",
    mayPass: true,
    message: "Nextcloud does not reach its database",
    hint: mendDatabase,
  },
  {
    pattern: /Config file has leading content[^\n]*? in (\S+)/,
    message: "something stands before <?php or after ?> in $1",
    hint: always("take away the empty lines or the byte order mark; leave ?> out"),
  },
  {
    // A file that is just being written reads like this as well.
    pattern: /ParseError: ([^\n]*) in (\S+\.php:\d+)/,
    mayPass: true,
    message: "PHP does not understand the configuration: $1",
    hint: (_, [, , where = ""]) =>
      `mend ${where}; a backup of it is in the snapshots of this source`,
  },
  {
    pattern: /data directory is invalid/,
    code: "source-missing",
    message: "Nextcloud does not find its data: there is no .ocdata in its data directory",
    hint: always("mount the data directory, or correct datadirectory in config.php"),
  },
  {
    pattern: /Downgrading is not supported[^\n(]*(\([^)]*\))?/,
    message: "config.php is of a newer version than the code of Nextcloud $1",
    hint: always("install the version of Nextcloud that config.php names"),
  },
  {
    pattern: /^Nextcloud is not installed/m,
    atZero: true,
    mayPass: true,
    message:
      "Nextcloud says that it is not installed: config.php is empty, or of another Nextcloud",
    hint: mendConfig,
  },
  {
    pattern: /Allowed memory size of (\d+) bytes exhausted/,
    message: "occ needs more than the $1 bytes of memory that PHP gives it",
    hint: always("raise memory_limit of PHP's command line, as in: php -d memory_limit=512M occ"),
  },
  {
    pattern: /Could not open input file: (\S+)/,
    message: "PHP does not find $1",
    hint: always("name occ by its whole path, as in: php /var/www/html/occ"),
  },
  {
    pattern: /[Nn]o such service: (\S+)|service "([^"]+)" is not running/,
    message: "docker compose has no running service of the name that `occ` says",
    hint: always("correct the service in `occ`; to list them: docker compose ps --services"),
  },
  {
    pattern:
      /No such container: (\S+)|no container with name or ID "?([^"\s]+)|[Cc]ontainer \S+ is not running/,
    message: "there is no running container of the name that `occ` says",
    hint: always("correct the container in `occ`; to list them: docker ps --format '{{.Names}}'"),
  },
  {
    pattern:
      /no configuration file provided|no such file or directory[^\n]*compose|open (\S*compose\S*): no such file/i,
    message: "docker compose does not find its configuration",
    hint: always("name it in `occ`: docker, compose, -f, /path/compose.yaml, exec, -T, …"),
  },
  {
    pattern: /permission denied[^\n]*docker\.sock|docker\.sock[^\n]*permission denied/i,
    message: "docker may not be used by the user that holdfast runs as",
    hint: always("add that user to the group docker, or run holdfast as root"),
  },
  {
    pattern: /Cannot connect to the Docker daemon|Is the docker daemon running/i,
    mayPass: true,
    message: "docker does not answer",
    hint: always("start it: systemctl start docker"),
  },
  {
    pattern: /unable to find user (\S+?):|unknown user:? (\S+)/,
    message: "the user that `occ` names does not exist there",
    hint: always("name the owner of config.php; his number will do: --user 33"),
  },
  {
    pattern: /the input device is not a TTY/,
    message: "occ was to be run in a terminal, and there is none",
    hint: always("leave -t and -it out of `occ`; docker compose exec wants -T"),
  },
  {
    pattern: /sudo: (?:a password is required|a terminal is required|sorry)/,
    message: "sudo asks for a password",
    hint: always("allow it in sudoers: holdfast ALL=(www-data) NOPASSWD: /usr/bin/php"),
  },
  {
    pattern:
      /"?(php\S*)"?: executable file not found|exec: "([^"]+)"[^\n]*not found|sudo: (\S+): command not found/,
    code: "tool-missing",
    message: "what `occ` starts there is not installed",
    hint: always("name php by its whole path in `occ`"),
  },
];

/**
 * Why occ did not do its work. Undefined: nothing that it printed is a known complaint, and its exit status
 * was 0, which alone proves nothing: see what it printed.
 */
export function explainOcc(output: OccOutput, setting: OccSetting): OccFailed | undefined {
  const said = `${output.stdout}\n${output.stderr}`;
  for (const { pattern, code = "command-failed", atZero = false, ...trouble } of troubles) {
    if (output.exitStatus === 0 && !atZero) continue;
    const found = pattern.exec(said);
    if (found === null) continue;
    const text = trouble.message.replace("$1", () => lastWords(found[1] ?? "")).trim();
    const { mayPass = false } = trouble;
    return new OccFailed(code, text, { hint: trouble.hint(setting, found), mayPass });
  }
  if (output.exitStatus === 0) return undefined;
  const words = lastWords(exceptionIn(output.stdout) ?? output.stderr);
  const message = `occ failed with exit status ${output.exitStatus}${words === "" ? "" : `: ${words}`}`;
  const [program, ...before] = setting.occ;
  const hint = `to see more: ${showCommand({ argv: [program, ...before, "status"], effect: "reads" })}`;
  return new OccFailed("command-failed", message, { hint, mayPass: true });
}

function exceptionIn(stdout: string): string | undefined {
  return /An unhandled exception has been thrown:\n([^\n]*)/.exec(stdout)?.[1];
}

function runAs({ occ }: OccSetting, owner: string | undefined): string {
  const isContainer = occ.some((word) => /^(?:docker|podman|docker-compose)$/.test(word));
  if (owner === undefined) return "run occ as the owner of config.php, usually www-data";
  return isContainer
    ? `run occ as the owner of config.php: in \`occ\`, after "exec": --user, "${owner}"`
    : `run occ as the owner of config.php: in \`occ\`, at the beginning: sudo, -u, "${/^\d+$/.test(owner) ? `#${owner}` : owner}"`;
}
