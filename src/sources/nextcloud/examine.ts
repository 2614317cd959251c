// Knows: what is to be said of a Nextcloud before it is backed up. Reads only. Must not know: how it is prepared.
import { posix } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Finding } from "../../kernel/finding.ts";
import { formatSize } from "../../kernel/figures.ts";
import { examineNextcloud } from "../../nextcloud/index.ts";
import type { Instance } from "../../nextcloud/instance.ts";
import { expected } from "./choose.ts";
import { groundOf } from "./ground.ts";
import { type Ground, look } from "./look.ts";
import type { Capture } from "./options.ts";
import { databaseOf, instanceOf, nextcloudOf, type Setup } from "./setup.ts";

/** What Nextcloud, its database, and the place of its files say. */
export async function examine(setup: Setup, signal: AbortSignal): Promise<readonly Finding[]> {
  const { options, access } = setup;
  const ground = groundOf(options, access);
  const subject = `nextcloud ${options.data}`;
  const found = [...(await examineNextcloud(nextcloudOf(setup), options.maintenance, signal))];
  found.push(
    ...(await said(subject, async () => await aboutFiles(setup, { ground, subject }, signal))),
  );
  const instance = await readable(setup, signal);
  if (instance === undefined) return found;
  found.push(
    ...(await said(subject, async () => await aboutDatabase(setup, { instance, subject }, signal))),
  );
  return found;
}

/** What went wrong with Nextcloud itself has been said already. */
async function readable(setup: Setup, signal: AbortSignal): Promise<Instance | undefined> {
  try {
    return await instanceOf(setup, signal);
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== "interrupted") return undefined;
    throw error;
  }
}

async function said(
  subject: string,
  ask: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { message, hint } = error;
    return [
      {
        code: "nextcloud-unusable",
        severity: "error",
        subject,
        message,
        ...(hint === undefined ? {} : { hint }),
      },
    ];
  }
}

const ways: Readonly<Record<Capture, string>> = {
  snapshot: "files are kept by a snapshot of btrfs",
  reflink:
    "files are kept by copies that share their blocks, which takes longer the more there are",
  staged: "files are copied to the staging folder, which takes as much space as they do",
  direct: "Nextcloud is in maintenance as long as the backup takes",
};

async function aboutFiles(
  { options }: Setup,
  { ground, subject }: { readonly ground: Ground; readonly subject: string },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const [state] = await ground.host.inspect([ground.data], signal);
  if (state?.kind !== "directory") return [];
  const choice = expected(options.capture, await look(ground, signal));
  const why = choice.instead.length === 0 ? "" : ` (${choice.instead.join("; ")})`;
  const message = `${ways[choice.capture]}${why}`;
  return [
    { code: "nextcloud-capture", severity: "ok", subject, message },
    ...(await aboutMarker(ground, subject, signal)),
  ];
}

/** What Nextcloud puts into every data directory; since version 30 under another name. */
async function aboutMarker(
  { host, data }: Ground,
  subject: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const markers = [".ocdata", ".ncdata"].map((name) => posix.join(data, name));
  const states = await host.inspect(markers, signal);
  if (states.some(({ kind }) => kind === "file")) return [];
  return [
    {
      code: "nextcloud-data-unmarked",
      severity: "warning",
      subject,
      message: `${data} has no .ocdata, which Nextcloud puts into every data directory`,
      hint: "see which it is with: occ config:system:get datadirectory",
    },
  ];
}

async function aboutDatabase(
  setup: Setup,
  { instance, subject }: { readonly instance: Instance; readonly subject: string },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { host, staging } = groundOf(setup.options, setup.access);
  const database = databaseOf(setup, instance);
  const found = await database.examine(signal);
  if (found.some(({ severity }) => severity === "error")) return found;
  const needed = await database.estimate(signal);
  const states = await host.inspect([staging, posix.dirname(staging)], signal);
  const free = states.flatMap((state) => ("freeBytes" in state ? [state.freeBytes] : []))[0];
  if (free === undefined || free > needed) return found;
  const message = `about ${formatSize(needed)} are needed for the dump in ${staging}, and ${formatSize(free)} are free`;
  const hint = "make some space there, or name another folder under `staging`";
  return [...found, { code: "nextcloud-space", severity: "warning", subject, message, hint }];
}
