// Knows: how to make a desktop that shows messages to nobody. Must not know: what is shown.
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** The programs this takes. */
export const desktopTools = ["Xvfb", "dbus-daemon", "dunst", "dbus-send", "notify-send"] as const;

/** A desktop with a message bus and a real notification daemon. */
export interface DesktopSession extends AsyncDisposable {
  /** The runtime directories of all users, as in /run/user. */
  readonly directory: string;
  /** What a program that is started on this desktop finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The next message shown, as dunst prints it. */
  shown(): Promise<string>;
}

/** Whose desktop it is: as in /etc/passwd. Only root can make one for somebody else. */
export interface DesktopUser {
  readonly userId: number;
  readonly groupId: number;
}

/** Starts a desktop of a user in a directory of its own. */
export async function openDesktopSession(user: DesktopUser): Promise<DesktopSession> {
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-desktop-"));
  started.defer(async () => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const runtime = join(directory, String(user.userId));
  await mkdir(runtime, { mode: 0o700 });
  await chown(runtime, user.userId, user.groupId);

  // Xvfb writes the number it has chosen to descriptor 3.
  const screen = spawn("Xvfb", ["-displayfd", "3", "-ac", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  started.defer(async () => end(screen));
  const display = `:${await firstLine(pipeOf(screen.stdio[3]))}`;

  const address = `unix:path=${join(runtime, "bus")}`;
  const owner = { uid: user.userId, gid: user.groupId };
  const bus = spawn(
    "dbus-daemon",
    ["--session", "--nofork", "--nopidfile", "--print-address=1", `--address=${address}`],
    { stdio: ["ignore", "pipe", "ignore"], ...owner },
  );
  started.defer(async () => end(bus));
  await firstLine(pipeOf(bus.stdout));

  const env = { DISPLAY: display, DBUS_SESSION_BUS_ADDRESS: address, XDG_RUNTIME_DIR: runtime };
  const asUser = { env: { ...process.env, ...env, HOME: runtime }, ...owner };
  const daemon = spawn("dunst", ["-print", "-conf", "/dev/null"], {
    ...asUser,
    stdio: ["ignore", "pipe", "ignore"],
  });
  started.defer(async () => end(daemon));
  const messages = messagesOf(pipeOf(daemon.stdout));
  await untilReady(asUser);

  const all = started.move();
  return {
    directory,
    env,
    shown: async () => {
      const { value } = await Promise.race([messages.next(), tooLate()]);
      return value ?? "";
    },
    [Symbol.asyncDispose]: async () => all.disposeAsync(),
  };
}

async function tooLate(): Promise<never> {
  await sleep(20_000, undefined, { ref: false });
  throw new Error("nothing was shown for 20 seconds");
}

function pipeOf(stream: unknown): Readable {
  // What was asked for with "pipe" is a readable stream.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return stream as Readable;
}

async function firstLine(stream: Readable): Promise<string> {
  const lines = createInterface({ input: stream });
  const [line] = await once(lines, "line", { signal: AbortSignal.timeout(20_000) });
  return String(line).trim();
}

// dunst prints a message as a block in braces, and links found in it as a block within.
async function* messagesOf(stream: Readable): AsyncGenerator<string, undefined> {
  let block: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    if (line === "{") block = [];
    block.push(line);
    if (line === "}") yield block.join("\n");
  }
  return undefined;
}

// A message that comes before dunst would make the bus start another daemon for it.
async function untilReady(options: SpawnOptions): Promise<void> {
  const question = [
    "--session",
    "--print-reply",
    "--dest=org.freedesktop.DBus",
    "/",
    "org.freedesktop.DBus.NameHasOwner",
    "string:org.freedesktop.Notifications",
  ];
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const asked = spawn("dbus-send", question, { ...options, stdio: ["ignore", "pipe", "ignore"] });
    if ((await text(pipeOf(asked.stdout))).includes("boolean true")) return;
    await sleep(50);
  }
  throw new Error("dunst did not begin to show messages");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}
