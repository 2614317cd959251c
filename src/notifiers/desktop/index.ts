// Knows: how the desktop of this machine is reached. Must not know: other channels.
import * as z from "zod";
import { CommandFailed } from "../../hosts/command-failed.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { channelSpec, notificationFailed, type Delivery } from "../channel.ts";
import { commonNotifierShape, type Notification } from "../notifier.ts";
import {
  asUser,
  notifySendCommand,
  onBusOf,
  osascriptCommand,
  powershellCommand,
} from "./commands.ts";
import { desktopSessions, runtimeDirectories } from "./sessions.ts";

const Options = z.strictObject({
  type: z.literal("desktop").meta({
    description:
      "A message on the desktop of this machine. Run by root it goes to everybody who is logged in.",
  }),
  ...commonNotifierShape,
});

/** Shows a message on the desktop: notify-send on Linux, osascript on macOS, a toast on Windows. */
export const desktop = Options.transform((options) =>
  channelSpec(options, async (notification, delivery) => {
    if (process.platform === "darwin") {
      await delivery.host.run(osascriptCommand(notification), delivery.signal);
    } else if (process.platform === "win32") {
      await delivery.host.run(powershellCommand(notification), delivery.signal);
    } else {
      const userId = process.getuid?.() ?? 0;
      await tellLinuxDesktops(notification, delivery, { userId, directory: runtimeDirectories });
    }
  }),
);

/** Who asks, and where the users' runtime directories are. */
export interface LinuxDesktops {
  readonly userId: number;
  readonly directory: string;
}

/**
 * Root tells everybody who is logged in, and its own desktop when nobody is; anybody else tells
 * themselves. Content when one desktop has shown it.
 */
export async function tellLinuxDesktops(
  notification: Notification,
  { host, signal }: Pick<Delivery, "host" | "signal">,
  { userId, directory }: LinuxDesktops,
): Promise<void> {
  const command = notifySendCommand(notification);
  const sessions = await desktopSessions(directory);
  const own = sessions.find((session) => session.userId === userId);
  const commands =
    userId === 0 && sessions.length > 0
      ? sessions.map((session) => asUser(session, command))
      : // A program started by cron is not told where the bus of its user is.
        [command, ...(own === undefined ? [] : [onBusOf(own, command)])];

  const failures: unknown[] = [];
  let shown = 0;
  for (const each of commands) {
    try {
      await host.run(each, signal);
      shown += 1;
      // The further ways of one user lead to the same desktop.
      if (each === command) break;
    } catch (error) {
      failures.push(error);
    }
  }
  if (shown === 0) throw unreachable(failures[0]);
}

function unreachable(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  // setpriv answers 127 for a program that does not exist.
  const isMissing = error instanceof CommandFailed && error.result.exitStatus === 127;
  if (error.code === "tool-missing" || isMissing) {
    return notificationFailed("desktop", "the program notify-send is not installed", {
      hint: "install it: apt install libnotify-bin",
      cause: error,
    });
  }
  if (error.code !== "command-failed") return error;
  return notificationFailed("desktop", "there is no desktop that shows messages", {
    hint: "is somebody logged in? On a server use another notifier",
    cause: error,
  });
}
