// Knows: how a file of ours beside config.php switches maintenance mode, without PHP and without the database. Must not know: what is done meanwhile.
import { posix } from "node:path";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { filesInMaintenance, readConfigFiles } from "./config-directory.ts";
import type { Maintenance, NextcloudAccess } from "./instance.ts";
import {
  type FileOutcome,
  type FilePlace,
  maintenanceFile,
  putFile,
  takeFile,
} from "./maintenance-commands.ts";
import { endedBefore, keptOn, otherFiles } from "./maintenance-occ.ts";
import { naturalOrder } from "./natural-order.ts";
import { readStatus, runOcc } from "./occ.ts";
import { type Pause, type Try, tryUntil } from "./tries.ts";

type Place = NextcloudAccess & FilePlace;

interface Means {
  readonly pause: Pause;
  /** What is taken instead where Nextcloud does not heed the file. Absent: that is a failure. */
  readonly otherwise?: Maintenance;
}

/**
 * Switches by putting a file of ours beside config.php and taking it away. What Nextcloud wrote into config.php in
 * the meantime is undone by occ.
 */
export function fileWay(place: Place, { pause, otherwise }: Means): Maintenance {
  let isByOther = false;
  let isOurs = false;
  return {
    isOn: async (signal) => (await readStatus(place, signal)).inMaintenance,
    async switchOn(signal) {
      try {
        isOurs = await putUntilHeeded(place, pause, signal);
        if (isOurs) return;
        if (otherwise === undefined) throw await notHeeded(place, signal);
      } catch (error) {
        await withdraw(place);
        throw error;
      }
      await withdraw(place);
      isByOther = true;
      await otherwise.switchOn(signal);
    },
    async switchOff(signal) {
      if (isByOther) {
        await otherwise?.switchOff(signal);
        return;
      }
      const wasOurs = isOurs;
      isOurs = false;
      const outcomes: FileOutcome[] = [];
      await tryUntil(async () => await take(place, outcomes, signal), pause, signal);
      const [first] = outcomes;
      // Only the first try tells: the answer to one that took it away may have been lost.
      if (wasOurs && (first === "absent" || first === "another's")) throw endedBefore();
    },
  };
}

/** False: it is there, and Nextcloud does not heed it. */
async function putUntilHeeded(place: Place, pause: Pause, signal: AbortSignal): Promise<boolean> {
  let isHeeded = true;
  const attempt = async (): Promise<Try> => {
    const tried = await put(place, signal);
    isHeeded = tried !== "not heeded";
    return tried === "not heeded" ? { done: true } : tried;
  };
  await tryUntil(attempt, pause, signal);
  return isHeeded;
}

/** Also after an abort: nobody is to stay in maintenance for a backup that is not made. */
async function withdraw(place: Place): Promise<void> {
  const patienceMs = 60_000;
  await takeFile(place.host, place, AbortSignal.timeout(patienceMs)).catch(() => {
    // What is to be told is why it was not switched on; `switchOff` takes it away, or says why not.
  });
}

async function put(place: Place, signal: AbortSignal): Promise<Try | "not heeded"> {
  const outcome = await putFile(place.host, place, signal);
  const file = posix.join(place.config, maintenanceFile);
  if (outcome === "another's") return { done: false, error: alreadyThere(place, file) };
  if (outcome !== "done") {
    const reason = typeof outcome === "object" ? outcome.reason : "there is no such folder";
    return { done: false, error: cannot(`${file} cannot be written: ${reason}`) };
  }
  return (await readStatus(place, signal)).inMaintenance ? { done: true } : "not heeded";
}

async function take(place: Place, outcomes: FileOutcome[], signal: AbortSignal): Promise<Try> {
  const index = outcomes.push({ reason: "no answer" }) - 1;
  const outcome = await takeFile(place.host, place, signal);
  outcomes[index] = outcome;
  // It is in maintenance for another run, and that one ends it.
  if (outcome === "another's") return { done: true };
  if (typeof outcome === "object") {
    const file = posix.join(place.config, maintenanceFile);
    const error = cannot(`${file} cannot be taken away: ${outcome.reason}`, removal(place, file));
    return { done: false, error };
  }
  return await makeSure(place, outcome !== "no folder", signal);
}

/** Our file is gone: then it is over, unless something else says otherwise. */
async function makeSure(place: Place, isGone: boolean, signal: AbortSignal): Promise<Try> {
  let inMaintenance: boolean;
  try {
    ({ inMaintenance } = await readStatus(place, signal));
  } catch (error) {
    if (!(error instanceof HoldfastError) || mustBeKnown(error)) throw error;
    // occ does nothing without the database; the files say whether a request would be served.
    if (isGone && !(await isWritten(place, signal))) return { done: true };
    return { done: false, error };
  }
  if (!inMaintenance) return { done: true };
  const [culprit] = await otherFiles(place, signal);
  if (culprit !== undefined) return { done: false, error: keptOn(culprit) };
  // Somebody changed a setting meanwhile, and Nextcloud wrote all that it had read into config.php.
  await runOcc(place, { words: ["maintenance:mode", "--off"], effect: "writes" }, signal);
  const after = await readStatus(place, signal);
  if (!after.inMaintenance) return { done: true };
  return { done: false, error: cannot("Nextcloud is still in maintenance mode") };
}

function mustBeKnown({ code }: HoldfastError): boolean {
  return code === "interrupted" || code === "host-unreachable";
}

async function isWritten(place: Place, signal: AbortSignal): Promise<boolean> {
  try {
    return filesInMaintenance(await readConfigFiles(place.host, place.config, signal)).length > 0;
  } catch (error) {
    if (error instanceof HoldfastError && error.code.startsWith("source-")) return false;
    throw error;
  }
}

/** Why our file has no effect. */
async function notHeeded(place: Place, signal: AbortSignal): Promise<HoldfastError> {
  const files = await readConfigFiles(place.host, place.config, signal);
  const later = files.find(
    ({ path, text }) =>
      naturalOrder(posix.basename(path), maintenanceFile) > 0 &&
      posix.basename(path) !== "config.php" &&
      text.includes("maintenance"),
  );
  if (later === undefined) {
    const message = `Nextcloud does not heed a file in ${place.config}`;
    return cannot(message, "correct `config`: it must be the folder that its config.php is in");
  }
  const message = `${later.path} is read after ${maintenanceFile} and says something else`;
  return cannot(message, `take 'maintenance' out of ${later.path}, or say: maintenance: occ`);
}

function alreadyThere(place: Place, file: string): HoldfastError {
  const message = `${file} is there already: another run has this Nextcloud in maintenance`;
  return cannot(message, `wait for that run; if there is none: ${removal(place, file)}`);
}

function removal({ host }: Place, file: string): string {
  return showLineOn(host, `rm -- ${file}`);
}

function cannot(message: string, hint?: string): HoldfastError {
  return new HoldfastError("maintenance-failed", message, hint === undefined ? {} : { hint });
}
