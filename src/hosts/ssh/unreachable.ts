// Knows: what ssh says when it gets nowhere, and what helps. Must not know: how it was started.
import { HoldfastError } from "../../kernel/errors.ts";
import type { Finding } from "../../kernel/finding.ts";
import { redact } from "../../kernel/secret.ts";
import { showCommand } from "../show-command.ts";

/** What was attempted, as a person would type it. */
export interface Attempt {
  /** The host's name in the configuration. */
  readonly name: string;
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly key?: string | undefined;
  readonly knownHosts?: string | undefined;
  /** Everything between `ssh` and the destination, and that. */
  readonly typed: readonly string[];
}

/** A host that cannot be used now (`host-unreachable`), and what an examination says of it. */
export class HostUnreachable extends HoldfastError {
  readonly finding: Pick<Finding, "code" | "severity">;

  constructor(
    message: string,
    details: { readonly hint?: string; readonly cause?: unknown },
    finding: Pick<Finding, "code" | "severity">,
  ) {
    super("host-unreachable", message, details);
    this.name = "HostUnreachable";
    this.finding = finding;
  }
}

const away = { code: "host-unreachable", severity: "away" } as const;
const broken = { code: "host-unreachable", severity: "error" } as const;

interface Explanation {
  readonly reason: string;
  readonly hint?: string;
  readonly finding: Pick<Finding, "code" | "severity">;
}

type Explain = (attempt: Attempt, match: RegExpExecArray) => Explanation;

// The messages are those of OpenSSH 8 to 10, which have no translations. The first that fits counts.
const known: readonly (readonly [RegExp, Explain])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S+ has changed/, changedKey],
  [/REVOKED HOST KEY|is revoked/, revokedKey],
  [/Host key verification failed|No \S+ host key is known for/, unknownKey],
  [/Bad owner or permissions on (\S+)/, openConfiguration],
  [/UNPROTECTED PRIVATE KEY FILE|bad permissions/, openKey],
  [/Identity file (\S+) not accessible/, missingKey],
  [/Too many authentication failures/, tooManyKeys],
  [/Permission denied \(([^)]*)\)/, refusedLogin],
  [/Could not resolve hostname (\S+?):/, unresolved],
  [
    /Connection refused/,
    () => ({ reason: "nothing listens there (connection refused)", finding: away }),
  ],
  [
    /No route to host|Network is unreachable|Host is down/,
    () => ({ reason: "there is no way to it now", finding: away }),
  ],
  [/timed out|Connection timeout/, () => ({ reason: "it did not answer in time", finding: away })],
  [
    /Bad configuration option|terminating, \d+ bad configuration|keyword .* extra arguments|missing argument/i,
    badOption,
  ],
  [
    /no matching (host key type|cipher|key exchange method|MAC)/,
    (_, match) => ({
      reason: `ssh here and there have no ${match[1] ?? "method"} in common`,
      finding: broken,
    }),
  ],
  [
    /Session open refused|administratively prohibited/,
    () => ({
      reason: "its ssh server refuses the session",
      hint: "look at MaxSessions, AllowTcpForwarding and PermitOpen in its sshd_config",
      finding: broken,
    }),
  ],
  [
    /Connection closed|Connection reset|kex_exchange_identification|Broken pipe/,
    () => ({
      reason: "it closed the connection",
      finding: away,
    }),
  ],
];

/** What it means that ssh ended with these words on standard error. */
export function unreachable(attempt: Attempt, said: string): HostUnreachable {
  const words = lastWordsOfSsh(said);
  const jump = /kex_exchange_identification|stdio forwarding failed|UNKNOWN port 65535/.test(said);
  for (const [pattern, explain] of known) {
    const match = pattern.exec(said);
    if (match === null) continue;
    const { reason, hint, finding } = explain(attempt, match);
    const via = jump && finding === away ? ", or what it is reached through does not" : "";
    return new HostUnreachable(
      `host "${attempt.name}" cannot be used at ${placeOf(attempt)}: ${reason}${via}${words === "" ? "" : ` (ssh: ${words})`}`,
      { hint: hint ?? `see what ssh says: ${asTyped(attempt.typed)}` },
      finding,
    );
  }
  return new HostUnreachable(
    `host "${attempt.name}" cannot be used at ${placeOf(attempt)}: ${words === "" ? "ssh said nothing" : `ssh: ${words}`}`,
    { hint: `see what ssh says: ${asTyped(attempt.typed)}` },
    away,
  );
}

function placeOf({ host, port }: Attempt): string {
  return port === undefined ? host : `${host} port ${port}`;
}

const longest = 400;

function lastWordsOfSsh(said: string): string {
  const lines = redact(said)
    .split("\n")
    .map((line) =>
      line
        .replaceAll(/\p{Cc}/gu, " ")
        .trim()
        .replace(/^ssh: /, ""),
    )
    .filter(
      (line) =>
        line !== "" && !/^@+$|^@ .* @$/.test(line) && !line.startsWith("Warning: Permanently"),
    );
  return lines.slice(-3).join("; ").slice(-longest);
}

/** How ssh calls a machine in its file of known hosts. */
function nameInFile({ host, port = 22 }: Attempt): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

function fileOf({ knownHosts }: Attempt): string {
  return asTyped([knownHosts ?? "~/.ssh/known_hosts"]);
}

/** Words as they are typed into a shell. A tilde at the beginning is left to it. */
export function asTyped(words: readonly string[]): string {
  return words
    .map((word) => {
      const [, home = "", rest = ""] = /^(~\/)?(.*)$/s.exec(word) ?? [];
      return home + showCommand({ argv: [rest], effect: "reads" });
    })
    .join(" ");
}

function scan(attempt: Attempt): string {
  const { host, port } = attempt;
  return `ssh-keyscan ${port === undefined ? "" : `-p ${port} `}${host} >> ${fileOf(attempt)}`;
}

function unknownKey(attempt: Attempt): Explanation {
  const isBehind = attempt.typed.includes("-J");
  return {
    reason: "its host key is not known here",
    hint: isBehind
      ? logIn(attempt)
      : `get it with: ${scan(attempt)} — then compare what ssh-keygen -lf ${fileOf(attempt)} shows with the fingerprint that the machine itself shows`,
    finding: { code: "host-key-unknown", severity: "error" },
  };
}

/** Nothing but ssh itself gets through other machines. */
function logIn({ typed: [ssh = "ssh", ...words], knownHosts }: Attempt): string {
  const file = knownHosts === undefined ? [] : ["-o", `UserKnownHostsFile=${knownHosts}`];
  return `log in once by hand, compare the fingerprint that it shows, and say yes: ${asTyped([ssh, ...file, ...words])}`;
}

function changedKey(attempt: Attempt): Explanation {
  return {
    reason: "its host key has changed: it was installed anew, or somebody pretends to be it",
    hint: `only when you know why it has changed: ssh-keygen -f ${fileOf(attempt)} -R '${nameInFile(attempt)}', then ${scan(attempt)}, and compare the fingerprint with the one that the machine itself shows`,
    finding: { code: "host-key-changed", severity: "error" },
  };
}

function revokedKey(attempt: Attempt): Explanation {
  return {
    reason: "its host key has been revoked",
    hint: `look for @revoked in ${fileOf(attempt)}`,
    finding: { code: "host-key-revoked", severity: "error" },
  };
}

function openKey(attempt: Attempt): Explanation {
  return {
    reason: "the file of the key can be read by others, so ssh does not use it",
    hint: `chmod 600 ${attempt.key === undefined ? "FILE" : asTyped([attempt.key])}`,
    finding: { code: "host-key-file-open", severity: "error" },
  };
}

function openConfiguration(_: Attempt, [, file = "FILE"]: RegExpExecArray): Explanation {
  return {
    reason: `${file} belongs to somebody else or can be written by others, so ssh does not read it`,
    hint: `make it your own (chown), and see to it that only you can write it: chmod go-w ${asTyped([file])}`,
    finding: { code: "host-misconfigured", severity: "error" },
  };
}

function missingKey(_: Attempt, [, file = "the file of the key"]: RegExpExecArray): Explanation {
  return {
    reason: `${file} is not there, or cannot be read`,
    hint: `make a key with: ssh-keygen -t ed25519 -f ${asTyped([file])}`,
    finding: { code: "host-login-refused", severity: "error" },
  };
}

function tooManyKeys(): Explanation {
  return {
    reason: "it gave up after too many keys",
    hint: "name the right one as `key` of the host",
    finding: { code: "host-login-refused", severity: "error" },
  };
}

function refusedLogin(attempt: Attempt): Explanation {
  const { key, port, user, host } = attempt;
  const words = [
    ...(key === undefined ? [] : ["-i", key]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    user === undefined ? host : `${user}@${host}`,
  ];
  return {
    reason: "it does not let this user in",
    hint: `let the key in with: ssh-copy-id ${asTyped(words)}`,
    finding: { code: "host-login-refused", severity: "error" },
  };
}

function unresolved(_: Attempt, [, host = "its name"]: RegExpExecArray): Explanation {
  return {
    reason: `the name ${host} is not known here`,
    hint: `see whether it is spelt right, and whether this network knows it: getent hosts ${host}`,
    finding: away,
  };
}

function badOption(): Explanation {
  return {
    reason: "ssh does not understand its configuration",
    hint: "look at the `options` of the host, and at ~/.ssh/config",
    finding: { code: "host-misconfigured", severity: "error" },
  };
}
