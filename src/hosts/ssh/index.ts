// Knows: how another machine is described in the configuration. Must not know: how a connection is made.
import type { HostSpec } from "../hosts.ts";
import { SettingsOf } from "./address-choice.ts";
import { openSshHost } from "./open.ts";
import { HostSettings, routesOf } from "./settings.ts";

// A host may be reached through others: what they were parsed from is found again by it.
const settingsOf = new SettingsOf();

/** A machine that is reached over ssh: its options, parsed into something that can be opened. */
export const AnyHost = HostSettings.transform((settings): HostSpec => {
  const routes = routesOf(settings);
  return settingsOf.remember(
    {
      locations: [...new Set(routes.flatMap(({ locations }) => locations))],
      jumps: [...new Set(routes.flatMap(({ jump }) => jump ?? []))],
      open: (access) => openSshHost({ ...access, settings, known: settingsOf.among(access.specs) }),
    },
    settings,
  );
});
