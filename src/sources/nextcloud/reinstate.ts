// Knows: what is done, in which order, when a restored Nextcloud takes the place of the one that is there. Must not know: how each thing is done.
import { posix } from "node:path";
import { openDatabase } from "../../databases/index.ts";
import { formatSize } from "../../kernel/figures.ts";
import { sizeToKeep, stampOf } from "../database-reinstatement.ts";
import { drillLabel, dropCommand, fillDrill, mustBeVacant } from "../drill-database.ts";
import type { Reinstated, Reinstatement, ReinstateWish } from "../reinstatement.ts";
import { groundOf } from "./ground.ts";
import { type Decided, exchange } from "./reinstate-exchange.ts";
import { readCopy } from "./reinstate-copy.ts";
import { fitOf } from "./reinstate-fit.ts";
import { newConfig } from "./reinstate-config.ts";
import { adoptOwners } from "./reinstate-owners.ts";
import { placesFor } from "./reinstate-places.ts";
import { presentOf } from "./reinstate-present.ts";
import { settle } from "./reinstate-after.ts";
import type { Setup } from "./setup.ts";

/** Decides how a Nextcloud is put back: see `Source.reinstate`. */
export async function reinstateNextcloud(
  setup: Setup,
  wish: ReinstateWish,
  signal: AbortSignal,
): Promise<Reinstatement> {
  if (wish.database !== undefined) return await drill(setup, wish.database, signal);
  return await inPlace(setup, wish, signal);
}

async function drill(setup: Setup, name: string, signal: AbortSignal): Promise<Reinstatement> {
  const { host } = setup.access;
  const { through } = setup.options.database;
  const { database: settings } = await presentOf(setup, signal);
  const wanted = { settings, access: { host, through }, name };
  await mustBeVacant(wanted, signal);
  const place = drillLabel(wanted);
  const { data, staging } = groundOf(setup.options, setup.access);
  return {
    place,
    steps: [`fill ${place} from the dump; nothing of the Nextcloud itself is touched`],
    warnings: [],
    async carryOut(copy, work): Promise<Reinstated> {
      const found = await readCopy({ host, copy, staging, data }, work.signal);
      work.tell(`filling ${place}`);
      await fillDrill(wanted, { dump: found.dump, signal: work.signal });
      return {
        place,
        notes: [],
        next: [
          `its data directory is ${found.data}`,
          `look at both, then remove them; the database with: ${dropCommand(settings, name, { through })}`,
        ],
      };
    },
  };
}

async function inPlace(
  setup: Setup,
  wish: ReinstateWish,
  signal: AbortSignal,
): Promise<Reinstatement> {
  const decided = await decide(setup, wish, signal);
  const { ground, places, size, present } = decided;
  const place = `the Nextcloud in ${ground.data}`;
  return {
    place,
    workspace: places.workspace,
    ...(typeof size === "number" ? { extraBytes: size } : {}),
    steps: stepsOf(decided),
    warnings: warningsOf(decided),
    async carryOut(copy, work): Promise<Reinstated> {
      const { host } = setup.access;
      const { data, staging } = ground;
      const found = await readCopy({ host, copy, staging, data }, work.signal);
      const { config } = setup.options;
      const { notes, upgradeDue } = fitOf(
        found.of,
        {
          ...present,
          databaseKind: present.database.kind,
          takesSettings: config !== undefined && found.config !== undefined,
        },
        wish,
      );
      const kept = posix.join(places.kept, "extra", "config");
      const settings = await newConfig(
        { host, copy: found.config, config, kept },
        wish.settings,
        work.signal,
      );
      const owners = await adoptOwners({ host, from: found.data, to: data }, work.signal);
      const parts = { decided, found, settings, upgradeDue };
      const state = await exchange(parts, work);
      const after = await settle({ ...parts, state }, work);
      return {
        place,
        aside: places.kept,
        notes: [...notes, ...owners, ...state.notes, ...after.notes],
        next: after.next,
      };
    },
  };
}

/** Looks, and decides. */
async function decide(setup: Setup, wish: ReinstateWish, signal: AbortSignal): Promise<Decided> {
  const { options, access } = setup;
  const { host } = access;
  const ground = groundOf(options, access);
  const present = await presentOf(setup, signal);
  const { data } = ground;
  const stamp = stampOf(wish.time);
  const places = await placesFor({ host, data, extra: options.extra, stamp }, signal);
  const { database } = present;
  const inside = database.kind === "sqlite" ? posix.relative(data, database.file) : "..";
  const isInData = inside !== "" && inside !== ".." && !inside.startsWith("../");
  const reached = { settings: database, access: { host, through: options.database.through } };
  const size = isInData ? ("with the data" as const) : await sizeToKeep(reached, wish, signal);
  return {
    setup,
    wish,
    ground,
    present,
    places,
    size,
    ...(isInData ? { databaseInData: inside } : {}),
  };
}

function stepsOf(decided: Decided): readonly string[] {
  const { setup, wish, ground, present, places, size } = decided;
  const { config } = setup.options;
  const { label } = openDatabase(present.database, { host: setup.access.host, through: [] });
  const extra = [...places.extra.values()].map(({ place }) => place);
  const whose = {
    merged: `, with the way to database, data and caches as it is in there now`,
    backup: ", all of it as it was backed up",
    current: "",
  }[wish.settings];
  return [
    "look whether it is of this Nextcloud and not newer than its code; until here nothing is changed",
    present.inMaintenance
      ? "leave maintenance on, as it is already"
      : "switch maintenance on: from here on nobody can use it",
    ...(typeof size === "number"
      ? [`dump what is in ${label} now into ${places.kept} (about ${formatSize(size)})`]
      : []),
    `move what is in ${[ground.data, ...extra].join(", ")} now into ${places.kept}, and what was restored there: seconds, as nothing is copied`,
    `replace all that is in ${label} by the dump of the snapshot; this takes as long as its size asks for`,
    ...(config === undefined || wish.settings === "current"
      ? ["leave the configuration as it is"]
      : [`put the files of the configuration back into ${config}${whose}`]),
    "tell clients of Nextcloud that it was put back (occ maintenance:data-fingerprint)",
    ...(present.inMaintenance
      ? []
      : [
          "switch maintenance off",
          ...(present.hasObjectStore
            ? []
            : [
                "let Nextcloud look through all files (occ files:scan --all); it can be used meanwhile",
              ]),
        ]),
  ];
}

function warningsOf({ setup, present, places, size }: Decided): readonly string[] {
  const { config } = setup.options;
  return [
    ...(present.trouble === undefined
      ? []
      : [`occ does nothing now, so that what config.php says is gone by: ${present.trouble}`]),
    ...(typeof size === "object" ? [size.reason] : []),
    ...(config === undefined
      ? ["the folder of config.php is not named as `config` of the source: it is not put back"]
      : []),
    ...places.left.map((path) => `${path} is on another file system and is not put back`),
    ...(present.hasObjectStore
      ? [
          "files of users are in a bucket, which is not touched: only the database says what they are called",
        ]
      : []),
  ];
}
