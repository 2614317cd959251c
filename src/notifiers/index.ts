// Knows: which notifiers there are. Must not know: anything about them.
import * as z from "zod";
import { apprise } from "./apprise.ts";
import { command } from "./command.ts";
import { desktop } from "./desktop/index.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import { gotify } from "./gotify.ts";
import { healthchecks } from "./healthchecks.ts";
import { ntfy } from "./ntfy.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";

/** Every way in which somebody can be told. A new one is a file beside this one and a word here. */
export const AnyNotifier = z.discriminatedUnion("type", [
  discord,
  desktop,
  email,
  ntfy,
  slack,
  gotify,
  webhook,
  healthchecks,
  apprise,
  command,
]);
