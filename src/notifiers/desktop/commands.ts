// Knows: the programs that show a message on a desktop. Must not know: who is logged in.
import type { Command } from "../../hosts/host.ts";
import { bodyOf, encodeEntity, fit, severityOf, type Severity } from "../format.ts";
import type { Notification } from "../notifier.ts";

// Desktops cut earlier, each at its own place; these keep the command line small.
const limits = { title: 200, body: 1000 };

const urgencies: Readonly<Record<Severity, string>> = {
  information: "low",
  success: "normal",
  warning: "normal",
  problem: "critical",
};

// Names that every icon theme has (https://specifications.freedesktop.org/icon-naming-spec/latest/).
const icons: Readonly<Record<Severity, string>> = {
  information: "dialog-information",
  success: "dialog-information",
  warning: "dialog-warning",
  problem: "dialog-error",
};

/**
 * Shows a message with notify-send. A body may hold mark-up, a title may not
 * (https://specifications.freedesktop.org/notification-spec/latest/markup.html), so the body is encoded.
 */
export function notifySendCommand(notification: Notification): Command {
  const severity = severityOf(notification.event);
  return {
    argv: [
      "notify-send",
      "--app-name=Holdfast",
      `--urgency=${urgencies[severity]}`,
      `--icon=${icons[severity]}`,
      "--",
      fit(notification.title, { limit: limits.title }),
      bodyOf(notification, { limit: limits.body, encode: encodeEntity }),
    ],
    effect: "writes",
  };
}

/** A user who is logged in at a desktop. */
export interface Session {
  readonly userId: number;
  readonly groupId: number;
  /** The user's runtime directory, which holds the socket of the message bus. */
  readonly directory: string;
}

/** The same command on a user's own message bus. */
export function onBusOf(session: Session, command: Command): Command {
  return {
    ...command,
    env: {
      ...command.env,
      XDG_RUNTIME_DIR: session.directory,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${session.directory}/bus`,
    },
  };
}

/** The same command as that user: not every message bus lets in root. */
export function asUser(session: Session, command: Command): Command {
  return {
    ...onBusOf(session, command),
    argv: [
      "setpriv",
      `--reuid=${session.userId}`,
      `--regid=${session.groupId}`,
      "--clear-groups",
      "--",
      ...command.argv,
    ],
  };
}

/**
 * Shows a message on macOS. The text is handed over as arguments; the script never contains it.
 * The first argument is there so that a title beginning with a dash is no option.
 */
export function osascriptCommand(notification: Notification): Command {
  const script = [
    "on run arguments",
    "display notification (item 3 of arguments) with title (item 2 of arguments)",
    "end run",
  ];
  return {
    argv: [
      "osascript",
      ...script.flatMap((line) => ["-e", line]),
      "holdfast",
      fit(notification.title, { limit: limits.title }),
      bodyOf(notification, { limit: limits.body }),
    ],
    effect: "writes",
  };
}

// Toasts need the id of an installed application: PowerShell's own is on every Windows. The text
// becomes the inner text of elements, so it is never mark-up. No double quotes: they would have to
// survive the quoting of a Windows command line.
const toast = `
$ErrorActionPreference = 'Stop'
[void][Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
[void][Windows.Data.Xml.Dom.XmlDocument, Windows.Data.Xml.Dom.XmlDocument, ContentType = WindowsRuntime]
$message = [xml]'<toast><visual><binding template=''ToastGeneric''><text/><text/></binding></visual></toast>'
$texts = $message.GetElementsByTagName('text')
$texts.Item(0).InnerText = $env:HOLDFAST_TITLE
$texts.Item(1).InnerText = $env:HOLDFAST_MESSAGE
$document = [Windows.Data.Xml.Dom.XmlDocument]::new()
$document.LoadXml($message.OuterXml)
$application = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
$notifier = [Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($application)
$notifier.Show([Windows.UI.Notifications.ToastNotification]::new($document))
`;

/** Shows a toast on Windows. The text is handed over in the environment; the script never contains it. */
export function powershellCommand(notification: Notification): Command {
  return {
    // Windows PowerShell 5: the newer pwsh cannot load these classes.
    argv: ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", toast],
    env: {
      HOLDFAST_TITLE: fit(notification.title, { limit: limits.title }),
      HOLDFAST_MESSAGE: bodyOf(notification, { limit: limits.body }),
    },
    effect: "writes",
  };
}
