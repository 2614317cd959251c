// Knows: in which order a Nextcloud is made safe to read, and what is undone however that ends. Must not know: how each thing is done.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import type { Evidence } from "../../kernel/evidence.ts";
import type { PreparedPaths } from "../../kernel/prepared-source.ts";
import type { Instance } from "../../nextcloud/instance.ts";
import { choose } from "./choose.ts";
import { type Collection, collect, refuseMissing } from "./collect.ts";
import { clockCommand, writeFileCommand } from "./commands.ts";
import { groundOf, refuseOverlap } from "./ground.ts";
import { keepingOf } from "./keep.ts";
import { extraFolder, handedOver, manifestFile, manifestOf } from "./layout.ts";
import type { Options } from "./options.ts";
import { databaseOf, instanceOf, type Setup } from "./setup.ts";
import { refuseFull } from "./space.ts";
import { takeStaging } from "./staging.ts";
import { keepStill, type Work } from "./still.ts";
import type { Quiet } from "./window.ts";

/**
 * Puts a Nextcloud together: its database as it was at one moment in maintenance, its files as they were
 * right after that, and its configuration. What is changed for that is in the ledger before.
 */
export async function prepare(setup: Setup, signal: AbortSignal): Promise<PreparedPaths> {
  const { options, access } = setup;
  const { host, ledger } = access;
  const ground = groundOf(options, access);
  const collection = { ...ground, ...folders(options), synchronise: false };
  await refuseMissing(collection, signal);
  await refuseOverlap(ground, [...collection.extra, ...configOf(options)], signal);
  const instance = await instanceOf(setup, signal);
  const database = databaseOf(setup, instance);
  await using stack = new AsyncDisposableStack();
  const staging = stack.use(await takeStaging({ host, ledger, path: ground.staging }, signal));
  const choice = await choose(options.capture, ground, signal);
  const isCopy = choice.capture === "staged";
  if (!isCopy) await staging.alsoEmpty([posix.basename(ground.data), extraFolder], signal);
  const keeping = keepingOf(choice, ground);
  const work = { setup, ground, staging, instance, database, keeping, capture: choice.capture };
  await refuseTooFull(work, signal);
  await collect({ ...collection, synchronise: isCopy }, signal);
  await keeping.before(signal);
  const prepared = await putTogether(work, signal);
  stack.move();
  return prepared;
}

function configOf({ config }: Options): readonly string[] {
  return config === undefined ? [] : [config];
}

function folders({ config, extra }: Options): Pick<Collection, "config" | "extra"> {
  return { extra, ...(config === undefined ? {} : { config }) };
}

/** Throws when there is too little space, while nobody is in maintenance yet. */
async function refuseTooFull(work: Work, signal: AbortSignal): Promise<void> {
  const { ground, database, capture } = work;
  const { host, data, staging } = ground;
  const { options } = work.setup;
  const need = {
    host,
    staging,
    dumpBytes: await database.estimate(signal),
    compress: options.database.compress,
    copied: [
      ...(capture === "staged"
        ? [{ from: data, to: posix.join(staging, posix.basename(data)) }]
        : []),
      ...options.extra.map((from) => ({
        from,
        to: posix.join(staging, extraFolder, posix.basename(from)),
      })),
    ],
    ...folders(options),
  };
  await refuseFull(need, signal);
}

async function putTogether(work: Work, signal: AbortSignal): Promise<PreparedPaths> {
  const { setup, instance, staging, capture, keeping } = work;
  const asOf = await clockOf(work.ground.host, signal);
  const { quiet, dumped, notes } = await keepStill(work, signal);
  const manifest = manifestOf({
    instance,
    data: keeping.data,
    hasConfig: setup.options.config !== undefined,
    compress: setup.options.database.compress,
    extra: setup.options.extra,
    capture,
    made: asOf,
  });
  const release = async (): Promise<void> => {
    // Of what was read in place nothing else ends maintenance.
    if (capture === "direct") await quiet.close();
  };
  try {
    const file = posix.join(staging.path, manifestFile);
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await work.ground.host.run(writeFileCommand(file, text), signal);
  } catch (error) {
    return await quiet.failed(error);
  }
  return {
    kind: "paths",
    ...handedOver(staging.path, manifest),
    ...(capture === "snapshot" ? { asOf } : {}),
    ...(capture === "direct" ? { until: quiet.until } : {}),
    evidence: () => ({
      ...(quiet.seconds === undefined ? {} : { maintenanceSeconds: quiet.seconds }),
      dumpedBytes: dumped.bytes,
      ...notesIn([...notesAbout(instance, quiet), ...notes, ...staging.troubles]),
    }),
    async [Symbol.asyncDispose]() {
      try {
        await release();
      } finally {
        await staging[Symbol.asyncDispose]();
      }
    },
  };
}

function notesIn(notes: readonly string[]): Evidence {
  return notes.length === 0 ? {} : { notes };
}

function notesAbout({ objectStore }: Instance, { isAnothers }: Quiet): readonly string[] {
  return [
    ...(isAnothers ? ["Nextcloud was in maintenance before the backup, and still is"] : []),
    ...(objectStore === undefined
      ? []
      : [
          `its files are in the bucket ${objectStore.bucket}, not in this backup: back them up with a source \`nextcloud-objects\``,
        ]),
  ];
}

async function clockOf(host: Host, signal: AbortSignal): Promise<Date> {
  return new Date(Number((await host.run(clockCommand, signal)).stdout));
}
