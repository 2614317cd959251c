// Knows: how a secret is fetched from where a configuration says it is. Must not know: what it opens.
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Command, Host } from "../hosts/host.ts";
import { interruption } from "../hosts/interruption.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { ResolveSecret, SecretReference } from "../kernel/secret-reference.ts";
import { Secret } from "../kernel/secret.ts";
import type { Config } from "./config.ts";
import { keyringQuestion } from "./keyring.ts";
import { expandHome } from "./places.ts";

type Reference<Key extends string> = Extract<SecretReference, Record<Key, unknown>>;

interface Sources {
  readonly host: Host;
  readonly env: NodeJS.ProcessEnv;
  /** What `~` means. */
  readonly home: string;
  readonly platform: NodeJS.Platform;
}

/**
 * Fetches secrets by reference, each once for as long as this resolver lives. A reference that
 * failed is tried again when it is asked for again. Files and variables are those of this process;
 * commands and keyrings are asked through the host.
 *
 * What it returns throws `secret-unavailable`, which names the reference, and `interrupted`.
 */
export function secretResolver(
  host: Host,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): ResolveSecret {
  const sources = { host, env, platform, home: env["HOME"] ?? homedir() };
  const fetched = new Map<string, Promise<Secret>>();
  return async (reference, signal) => {
    if ("text" in reference) return reference.text;
    const key = JSON.stringify(reference);
    const known = fetched.get(key);
    if (known !== undefined) return await known;
    const fetching = fetchSecret(reference, sources, signal);
    fetched.set(key, fetching);
    try {
      return await fetching;
    } catch (error) {
      fetched.delete(key);
      throw error;
    }
  };
}

async function fetchSecret(
  reference: Exclude<SecretReference, { text: Secret }>,
  sources: Sources,
  signal: AbortSignal,
): Promise<Secret> {
  if ("file" in reference) return await fromFile(expandHome(reference.file, sources.home), signal);
  if ("env" in reference) return fromEnvironment(reference, sources.env);
  if ("command" in reference) return await fromCommand(reference, sources, signal);
  if ("keyring" in reference) return await fromKeyring(reference, sources, signal);
  return await fromCredential(reference, sources.env, signal);
}

function unavailable(
  message: string,
  details: { hint?: string; cause?: unknown } = {},
): HoldfastError {
  return new HoldfastError("secret-unavailable", message, details);
}

const fileFaults: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EACCES: "may not be read",
  EISDIR: "is a directory",
};

async function fromFile(file: string, signal: AbortSignal): Promise<Secret> {
  if (!isAbsolute(file)) {
    throw unavailable(`the secret file "${file}" is not an absolute path`, {
      hint: "write the whole path, or begin with ~/ for the home directory",
    });
  }
  const bytes = await readStart(file, signal).catch((cause: unknown) => {
    if (signal.aborted) throw interruption(signal, `reading ${file}`);
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    throw unavailable(`the secret file ${file} ${fileFaults[code] ?? "cannot be read"}`, {
      cause,
      ...mendFile(code, file),
    });
  });
  return secretOf(decode(bytes, `the secret file ${file}`), `the secret file ${file}`);
}

function mendFile(code: string, file: string): { readonly hint?: string } {
  if (code === "EACCES") return { hint: `see who may read it with: ls -l ${file}` };
  if (code !== "ENOENT") return {};
  const create = `(umask 077 && openssl rand -base64 32 > ${file})`;
  return { hint: `write the secret into it; for a new repository make one with: ${create}` };
}

/** What a file begins with: a file given by mistake can be larger than memory. */
async function readStart(file: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createReadStream(file, { end: 4 * longest, signal }))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array, origin: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    // Replaced characters would make another password of it, which then is "wrong".
    throw unavailable(`${origin} is not UTF-8 text`, { cause });
  }
}

// Linux takes 128 KiB for one environment variable (MAX_ARG_STRLEN), by which tools get their secrets.
const longest = 65_536;

/** A text without the line end that editors and `echo` add. */
function secretOf(text: string, origin: string): Secret {
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "") throw unavailable(`${origin} is empty`);
  if (secret.length > longest) throw unavailable(`${origin} is too long for a secret`);
  // An environment variable would end there.
  if (secret.includes("\0")) throw unavailable(`${origin} holds a NUL character`);
  return new Secret(secret);
}

function fromEnvironment({ env: name }: Reference<"env">, env: NodeJS.ProcessEnv): Secret {
  const text = env[name];
  if (text === undefined) {
    throw unavailable(`the environment variable ${name}, which holds a secret, is not set`, {
      hint: "a service and a timer do not see the variables of your shell",
    });
  }
  if (text === "") throw unavailable(`the environment variable ${name} is empty`);
  return new Secret(text);
}

const patienceMs = 30_000;

async function fromCommand(
  { command }: Reference<"command">,
  { host, home }: Sources,
  signal: AbortSignal,
): Promise<Secret> {
  const [program = "", ...rest] = command;
  const origin = `the command "${program}", which fetches a secret,`;
  const argv: Command["argv"] = [expandHome(program, home), ...rest];
  const output = await ask(host, { argv, effect: "reads" }, { origin, signal });
  // As `pass` and its like do: what follows the first line are notes.
  return secretOf(output.split("\n")[0] ?? "", `the first line that ${origin} printed`);
}

async function fromKeyring(
  { keyring: name }: Reference<"keyring">,
  { host, platform }: Sources,
  signal: AbortSignal,
): Promise<Secret> {
  const question = keyringQuestion(name, platform);
  if (question === undefined) {
    throw unavailable("there is no keyring on this system that a program could ask", {
      hint: "use { file: PATH } or { command: [PROGRAM, ARGUMENT] }",
    });
  }
  // Both programs would take it for an option; neither has a way to say that it is none.
  if (name.startsWith("-")) throw unavailable(`a keyring entry cannot be called "${name}"`);
  const origin = `the keyring (${question.argv[0]})`;
  const output = await ask(
    host,
    // secret-tool exits 1 without a word when there is no such entry, security 44.
    { argv: question.argv, effect: "reads", okExits: [0, 1, 44] },
    { origin, signal, install: question.install },
  );
  if (output.trim() === "") {
    throw unavailable(`the keyring has no entry "${name}" of service "holdfast", or is locked`, {
      hint: `create it with: ${question.store}`,
    });
  }
  return secretOf(output, `the keyring entry "${name}"`);
}

async function fromCredential(
  { credential: name }: Reference<"credential">,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Secret> {
  const directory = env["CREDENTIALS_DIRECTORY"];
  const hint = `add to the unit: LoadCredential=${name}:/path/to/the/file`;
  if (directory === undefined) {
    throw unavailable(`the credential "${name}" is only there in a unit that systemd started`, {
      hint,
    });
  }
  if (!/^[^/\0]+$/.test(name) || name === "." || name === "..") {
    throw unavailable(`"${name}" cannot be the name of a credential`);
  }
  try {
    return await fromFile(join(directory, name), signal);
  } catch (cause) {
    if (cause instanceof HoldfastError && cause.code !== "secret-unavailable") throw cause;
    throw unavailable(`systemd did not hand over a usable credential "${name}"`, { cause, hint });
  }
}

interface Asking {
  /** Who is asked, for messages. */
  readonly origin: string;
  readonly signal: AbortSignal;
  /** What to do when the program does not exist. */
  readonly install?: string;
}

async function ask(host: Host, command: Command, asking: Asking): Promise<string> {
  const { origin, signal, install } = asking;
  try {
    const result = await host.run({ ...command, timeoutMs: patienceMs }, signal);
    if (!result.truncated) return result.stdout;
  } catch (cause) {
    if (!(cause instanceof HoldfastError) || signal.aborted) throw cause;
    throw unavailable(`${origin} ${faultOf(cause)}`, {
      cause,
      ...(cause.code === "tool-missing" && install !== undefined ? { hint: install } : {}),
    });
  }
  throw unavailable(`${origin} printed too much for a secret`);
}

function faultOf({ code }: HoldfastError): string {
  if (code === "tool-missing") return "does not exist";
  if (code === "timed-out") return `did not end within ${patienceMs / 1000} seconds`;
  return "failed";
}

/** A secret that others can read, in the shape in which `doctor` tells it. */
export interface SecretFinding {
  readonly code: "secret-readable";
  readonly severity: "warning";
  /** The key of the configuration that refers to it. */
  readonly subject: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * Files of secrets that others than their owner can read. Reads the configuration's file again. A
 * file that does not exist is no finding: fetching the secret says so.
 */
export async function secretFindings(config: Config): Promise<readonly SecretFinding[]> {
  // Windows has no such bits; what Node makes up there says nothing.
  if (process.platform === "win32") return [];
  // Only doctor wants it: other commands need neither the schema nor YAML to fetch a secret.
  const { secretFilesIn } = await import("./secret-files.ts");
  const findings: SecretFinding[] = [];
  for (const { key, file } of secretFilesIn(await readFile(config.file, "utf8"))) {
    const path = expandHome(file, homedir());
    const found = await stat(path).catch(() => undefined); // see above: told elsewhere
    if (found === undefined || (found.mode & 0o044) === 0) continue;
    findings.push({
      code: "secret-readable",
      severity: "warning",
      subject: key,
      message: `other users can read the secret in ${path}`,
      hint: `chmod 600 ${path}`,
    });
  }
  return findings;
}
