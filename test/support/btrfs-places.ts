// Knows: how a test gets folders of btrfs snapshots on disks of their own. Must not know: what is tested on them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Repository } from "../../src/engines/engine.ts";
import { btrfs } from "../../src/engines/btrfs/index.ts";
import type { Host } from "../../src/hosts/host.ts";
import { localHost } from "../../src/hosts/local.ts";
import type { Ledger, LedgerEntry } from "../../src/kernel/ledger.ts";
import { fetchProgram } from "./debian-program.ts";
import { newDisk, withoutDisks, type Disk } from "./disk.ts";
import type { EngineUnderTest, Opening, RepositoryPlace } from "./engine-contract.ts";

const execute = promisify(execFile);

/** How a folder of snapshots is opened. */
export interface BtrfsOpening extends Opening {
  readonly name?: string;
  readonly here?: Host;
  readonly ledger?: Ledger;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Opens a folder of snapshots. */
export function openSnapshots(location: string, opening: BtrfsOpening = {}): Repository {
  const { host = localHost(), name = "tested", ledger = new TestLedger(), options } = opening;
  return btrfs.parse({ engine: "btrfs", at: location, ...options }).open({
    host,
    here: opening.here ?? (host.remote === undefined ? host : localHost()),
    ledger,
    location,
    name,
    secret: () => assert.fail("btrfs has no secrets"),
  });
}

/** Keeps what is promised in memory. */
class TestLedger implements Ledger {
  readonly open = new Set<LedgerEntry>();

  promise(entry: LedgerEntry): { settle(): void } {
    this.open.add(entry);
    return { settle: () => void this.open.delete(entry) };
  }
}

/** Runs btrfs, as a person would by hand; answers with what it printed. */
export async function byHand(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute("btrfs", [...args]);
  return stdout;
}

/** A newer btrfs than the oldest that is driven; empty, with the reason, where it cannot be had. */
export const newerBtrfs = await fetchNewer();

async function fetchNewer(): Promise<{ readonly program: string; readonly skip: string | false }> {
  const fetched = await fetchProgram({
    suite: "bookworm-backports",
    package: "btrfs-progs",
    program: "btrfs",
    name: "btrfs-6.14",
  });
  return fetched.kind === "there"
    ? { program: fetched.path, skip: false }
    : { program: "", skip: fetched.reason };
}

/** btrfs as the contract wants it: the given one, on this machine or on another. */
export function btrfsUnderTest(
  name: string,
  tested: {
    readonly program?: string;
    readonly skip?: string | false;
    readonly host?: Host;
  } = {},
): EngineUnderTest {
  // Whether data can stay compressed is only known when both sides were asked.
  const plain = { "compressed-data": "never" };
  const options = tested.program === undefined ? plain : { ...plain, program: tested.program };
  return {
    name,
    skip: tested.skip || withoutDisks("btrfs"),
    secret: "",
    lacks: new Set(["passwords", "jobs", "figures", "paths", "reading"] as const),
    newPlace: async () => await newPlace({ options, ...tested }),
    restoredAt: (target) => target,
    timeless: (argument) =>
      argument.replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(-~\d+)?/g, "T"),
  };
}

async function newPlace(tested: {
  readonly options: Readonly<Record<string, unknown>>;
  readonly host?: Host;
}): Promise<RepositoryPlace> {
  const disk = await newDisk({ sizeMiB: 1024 });
  const location = join(disk.path, "snapshots");
  const { options, host } = tested;
  return {
    location,
    beside: disk.path,
    ...(host === undefined ? {} : { sourceHost: host }),
    open: (opening = {}) =>
      openSnapshots(location, { options, ...(host === undefined ? {} : { host }), ...opening }),
    create: async () => await mkdir(location),
    makeSource: async (path) => void (await byHand("subvolume", "create", path)),
    damage: async () => await damageData(disk),
    [Symbol.asyncDispose]: async () => await disk[Symbol.asyncDispose](),
  };
}

// A part of the large file of makeHostileTree, long enough to be in no folder or name.
const probe = Buffer.from("0123456789abcdef".repeat(64));

/** Changes stored data of that file on the disk itself, so that checksums no longer fit. */
async function damageData(disk: Disk): Promise<void> {
  await execute("sync", ["-f", disk.path]);
  await disk.unmount();
  const damaged = await damagedAt(disk.image);
  await disk.mount();
  assert.ok(damaged > 0, "there was nothing to damage");
}

async function damagedAt(image: string): Promise<number> {
  await using file = await open(image, constants.O_RDWR);
  const { size } = await file.stat();
  const chunk = Buffer.alloc(8 * 1024 ** 2);
  let damaged = 0;
  for (let at = 0; at < size; at += chunk.length) {
    await file.read(chunk, 0, chunk.length, at);
    const found = chunk.indexOf(probe);
    if (found === -1) continue;
    await file.write(Buffer.from("!"), 0, 1, at + found + 5000);
    damaged += 1;
  }
  return damaged;
}

/** The names of the snapshots in a folder that are whole: read-only, with a Received UUID. */
export async function wholeSnapshots(folder: string): Promise<readonly string[]> {
  const whole: string[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const shown = await byHand("subvolume", "show", join(folder, name));
    const received = /Received UUID:\s+[0-9a-f]/.test(shown);
    if (received && /Flags:\s+readonly/.test(shown)) whole.push(name);
  }
  return whole;
}
