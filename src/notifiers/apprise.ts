// Knows: the command line of apprise. Must not know: the services behind it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Command } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec, notificationFailed, type Delivery } from "./channel.ts";
import { fit, severityOf, signedBodyOf, type Severity } from "./format.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

const Options = z.strictObject({
  type: z.literal("apprise").meta({
    description: "Any of the services that the program apprise knows (Debian package: apprise).",
  }),
  urls: z
    .array(SecretReference)
    .min(1)
    .meta({
      description:
        "Where to: addresses in apprise's notation, one service each. They hold passwords, so they are treated as secrets.",
      examples: [[{ env: "APPRISE_URL" }, { file: "/etc/holdfast/apprise" }]],
    }),
  program: z
    .string()
    .min(1)
    .default("apprise")
    .meta({ description: "The program to run.", examples: ["/opt/apprise/bin/apprise"] }),
  ...commonNotifierShape,
});

/**
 * Tells services through apprise, one process a service: of several addresses in one file it skips
 * those that it does not understand, and reports success.
 */
export const apprise = Options.transform((options) =>
  channelSpec(options, async (notification, delivery) => {
    const urls: string[] = [];
    for (const reference of options.urls) urls.push(checkedUrl(await delivery.reveal(reference)));

    const telling = { notification, program: options.program };
    // Settled, so that every private file is gone before anybody hears of a failure.
    const told = await Promise.allSettled(urls.map((url) => tell(url, telling, delivery)));

    for (const result of told) if (result.status === "rejected") throw result.reason;
    const untold = told.filter((result) => result.status === "fulfilled" && !result.value).length;
    if (untold === 0) return;
    throw notificationFailed("apprise", `${untold} of ${urls.length} services were not told`, {
      hint: "try each address by hand: apprise -v -b test ADDRESS",
    });
  }),
);

interface Telling {
  readonly notification: Notification;
  readonly program: string;
}

// The address goes into a private file that vanishes afterwards: every user of this machine can read
// arguments.
async function tell(
  url: string,
  { notification, program }: Telling,
  { host, signal }: Delivery,
): Promise<boolean> {
  await using scratch = await host.scratch();
  const file = join(scratch.path, "apprise.conf");
  await writeFile(file, `${url}\n`, { mode: 0o600, flag: "wx" });
  try {
    await host.run(appriseCommand(program, file, notification), signal);
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    // What apprise says about a failure may quote parts of the address, which nothing could redact.
    if (error.code === "command-failed") return false;
    if (error.code !== "tool-missing") throw error;
    throw notificationFailed("apprise", "the program apprise is not installed", {
      hint: "install it: apt install apprise",
    });
  }
}

// One line of the file is one service: a line break, a comment or an `include` would be something else.
function checkedUrl(text: string): string {
  const url = text.trim();
  if (/^[a-z][a-z0-9]{1,31}:\/\/\S+$/i.test(url)) return url;
  throw notificationFailed("apprise", "one of its addresses is not valid", {
    hint: "an address is SERVICE://… without spaces; see https://github.com/caronc/apprise/wiki",
  });
}

const types: Readonly<Record<Severity, string>> = {
  information: "info",
  success: "success",
  warning: "warning",
  problem: "failure",
};

/** Runs apprise: addresses in a file, the body on standard input, the title in one argument that no title can leave. */
export function appriseCommand(
  program: string,
  configFile: string,
  notification: Notification,
): Command {
  return {
    argv: [
      program,
      `--config=${configFile}`,
      `--title=${fit(notification.title, { limit: 250 })}`,
      `--notification-type=${types[severityOf(notification.event)]}`,
      "--input-format=text",
    ],
    // Text of any script, whatever the locale of a daemon is.
    env: { PYTHONUTF8: "1" },
    // Services have limits of their own, which apprise knows.
    stdin: signedBodyOf(notification, { limit: 32_000 }),
    effect: "writes",
  };
}
