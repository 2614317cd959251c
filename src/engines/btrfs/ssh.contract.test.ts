// btrfs on another machine: what differs from this one, and copies in every direction.
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import {
  btrfsUnderTest,
  byHand,
  openSnapshots,
  wholeSnapshots,
} from "../../../test/support/btrfs-places.ts";
import { newDisk, withoutDisks } from "../../../test/support/disk.ts";
import { shortEngineContract } from "../../../test/support/engine-contract.ts";
import { type Sshd, sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { anywhere } from "../../hosts/hosts.ts";
import type { Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";
import { openSshHost } from "../../hosts/ssh/open.ts";
import { HostSettings } from "../../hosts/ssh/settings.ts";
import type { Repository, Work } from "../engine.ts";

const skip = withoutDisks("btrfs") || withoutTools(...sshdTools);

const work: Work = { signal: new AbortController().signal, progress() {} };

suite("btrfs behind ssh", { skip }, () => {
  let server: Sshd | undefined;
  const opened: AsyncDisposable[] = [];
  const openHost = (name: string): Host => {
    assert.ok(server);
    const ssh = openSshHost({
      name,
      here: localHost(),
      choice: anywhere,
      known: () => undefined,
      settings: HostSettings.parse(server.entry),
    });
    opened.push(ssh);
    return ssh.host;
  };
  before(async () => {
    server = await startSshd();
  });
  after(async () => {
    for (const each of opened) await each[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  // Made when the first test asks for it: then the server runs.
  let remote: Host | undefined;
  const host = (): Host => (remote ??= openHost("server"));
  const engine = btrfsUnderTest("btrfs of another machine");
  shortEngineContract({
    ...engine,
    newPlace: async () => await btrfsUnderTest("", { host: host() }).newPlace(),
  });

  const job = { name: "home", paths: [] };
  const directions: readonly (readonly [string, () => Host, () => Host])[] = [
    ["there", () => localHost(), host],
    ["here", host, () => localHost()],
    ["from one other machine to a second one", host, () => openHost("second")],
  ];
  for (const [direction, hostOfFirst, hostOfCopy] of directions) {
    test(`copies ${direction}: first the whole, then what changed`, async () => {
      await using inner = await newDisk();
      await using outer = await newDisk();
      const home = join(inner.path, "home");
      await byHand("subvolume", "create", home);
      const sender = hostOfFirst();
      const first = await openedIn(join(inner.path, "first"), sender);
      const copy = await openedIn(join(outer.path, "copy"), hostOfCopy());
      const added: (number | undefined)[] = [];

      for (const megabytes of [8, 0]) {
        await writeFile(join(home, `file ${megabytes}`), Buffer.alloc(megabytes * 1024 ** 2, "ab"));
        await backUp(first, { path: home, host: sender });
        const snapshots = await first.snapshots(job, work.signal);
        const { evidence } = await copy.copy(first, { job, snapshots }, work);
        added.push(evidence.added);
      }

      assert.deepEqual(added, [8 * 1024 ** 2, 0]);
      const whole = await wholeSnapshots(copy.location);
      assert.deepEqual(whole, (await readdir(first.location)).toSorted());
      const level = { readData: "100%", other: { what: first, host: sender } };
      const checked = await copy.check(level, work);
      assert.deepEqual(checked.problems, []);
      assert.match((checked.notes ?? []).join(), /compared with tested: 2 of 2 snapshots/);
    });
  }
});

async function openedIn(location: string, machine: Host): Promise<Repository> {
  await mkdir(location);
  return openSnapshots(location, { host: machine, here: localHost() });
}

async function backUp(
  repository: Repository,
  source: { readonly path: string; readonly host: Host },
): Promise<void> {
  await repository.backup(
    {
      job: "home",
      source: { kind: "subvolume", path: source.path, [Symbol.asyncDispose]: async () => {} },
      sourceHost: source.host,
      selection: {
        exclude: [],
        excludeFiles: [],
        excludeIfPresent: [],
        ignoreCase: false,
        oneFileSystem: false,
      },
      labels: [],
      full: false,
      allowDeletions: false,
    },
    work,
  );
}
