// Knows: how any program is told. Must not know: what the program does.
import * as z from "zod";
import type { Command } from "../hosts/host.ts";
import { channelSpec } from "./channel.ts";
import { bytesOf, documentOf, fit } from "./format.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

const Options = z.strictObject({
  type: z.literal("command").meta({ description: "A program of your own." }),
  command: z.tuple([z.string().min(1)], z.string()).meta({
    description:
      "The program and its arguments; no shell. It finds the message in HOLDFAST_EVENT, HOLDFAST_JOB, HOLDFAST_RUN, HOLDFAST_TIME, HOLDFAST_MACHINE, HOLDFAST_TITLE, HOLDFAST_MESSAGE, HOLDFAST_EXIT_STATUS and HOLDFAST_SECONDS, and all of it as JSON on its standard input.",
    examples: [["/usr/local/bin/tell", "--channel", "backup"]],
  }),
  ...commonNotifierShape,
});

/** Runs a program for each notification. An exit status other than 0 means that it was not told. */
export const command = Options.transform((options) =>
  channelSpec(options, async (notification, { host, signal }) => {
    await host.run(tellingCommand(options.command, notification), signal);
  }),
);

// Linux takes 128 KiB for one variable (MAX_ARG_STRLEN), Windows 32,767 characters.
const room = { limit: 16_000, measure: bytesOf };

/** The program with the notification in its environment and, as JSON, on its standard input. */
export function tellingCommand(
  argv: readonly [string, ...string[]],
  notification: Notification,
): Command {
  const document = documentOf(notification);
  return {
    argv,
    env: {
      HOLDFAST_EVENT: document.event,
      // Always there, also in a test message: a script under `set -u` must not stumble.
      HOLDFAST_JOB: document.job ?? "",
      HOLDFAST_RUN: document.run ?? "",
      HOLDFAST_TIME: document.time,
      HOLDFAST_MACHINE: document.machine,
      HOLDFAST_TITLE: fit(document.title, room),
      HOLDFAST_MESSAGE: fit(document.message, room),
      HOLDFAST_EXIT_STATUS: String(document.exitStatus ?? ""),
      HOLDFAST_SECONDS: String(document.seconds ?? ""),
    },
    stdin: `${JSON.stringify(document)}\n`,
    effect: "writes",
  };
}
