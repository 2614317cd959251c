import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { suite, test } from "node:test";
import { type LoopDrive, plugInDrive, withoutDrives } from "../../test/support/loop-drive.ts";
import { sshdTools, startSshd } from "../../test/support/sshd.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { anywhere } from "../hosts/hosts.ts";
import { localHost } from "../hosts/local.ts";
import { readOnlyHost } from "../hosts/read-only.ts";
import { openSshHost } from "../hosts/ssh/open.ts";
import { HostSettings } from "../hosts/ssh/settings.ts";
import type { Ledger, LedgerEntry } from "../kernel/ledger.ts";
import { AnyVolume } from "./index.ts";
import { volumeUndoings } from "./undo.ts";
import type { Volume } from "./volume.ts";

const host = localHost();
const secret = async () => assert.fail("nothing is encrypted");
const noLedger = { promise: () => assert.fail("nothing is to be promised") };

/** A ledger that remembers what is owed, and what was mounted when it was promised. */
class OpenLedger implements Ledger {
  readonly owed = new Set<LedgerEntry>();
  readonly before: string[] = [];

  promise(entry: LedgerEntry): { settle(): void } {
    this.owed.add(entry);
    this.before.push(readFileSync("/proc/self/mountinfo", "utf8"));
    return { settle: () => this.owed.delete(entry) };
  }
}

function open(options: object, ledger: Ledger = noLedger): Volume {
  return AnyVolume.parse(options).open({ name: "usb", host, ledger, secret });
}

function isMounted({ device }: LoopDrive, target?: string): boolean {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.some(
    (line) =>
      line.includes(` ${device} `) && (target === undefined || line.includes(` ${target} `)),
  );
}

function mount({ device }: LoopDrive, target: string): void {
  mkdirSync(target, { recursive: true });
  execFileSync("mount", [device, target]);
}

suite("a drive that root mounts", { skip: withoutDrives() }, () => {
  test("is attachable while it is plugged in, and away otherwise", async (t) => {
    const drive = await plugInDrive(t);
    const volume = open({ device: drive.uuid, mount: "direct" });
    const before = await volume.observe(t.signal);
    await drive.unplug();

    const after = await volume.observe(t.signal);

    assert.equal(before.kind, "attachable");
    assert.ok(after.kind === "away");
    assert.equal(after.code, "device-not-present");
    await assert.rejects(volume.attach(t.signal), { code: "volume-away" });
  });

  test("is marked, mounted for use and unmounted again", async (t) => {
    const drive = await plugInDrive(t);
    const path = join(drive.directory, "a name\nwith 'everything' \\ -- in it");
    const ledger = new OpenLedger();
    const volume = open({ device: drive.uuid, path }, ledger);

    const created = [await volume.init(t.signal), await volume.init(t.signal)];
    const between = isMounted(drive);
    {
      await using attached = await volume.attach(t.signal);
      assert.deepEqual([attached.path, attached.did], [path, ["mounted"]]);
      assert.equal(existsSync(join(path, ".holdfast-volume")), true);
      assert.equal(isMounted(drive), true);
      assert.equal(ledger.owed.size, 1);
      assert.equal((await volume.observe(t.signal)).kind, "mounted");
    }

    assert.deepEqual(created, [true, false]);
    assert.deepEqual([between, isMounted(drive)], [false, false]);
    assert.equal(ledger.owed.size, 0);
    assert.equal(
      ledger.before.some((mounts) => mounts.includes(` ${drive.device} `)),
      false,
    );
    assert.equal(existsSync(path), false);
  });

  test("is not used without its marker, and is unmounted again", async (t) => {
    const drive = await plugInDrive(t);
    const ledger = new OpenLedger();
    const volume = open({ device: drive.uuid, path: join(drive.directory, "mnt") }, ledger);

    await assert.rejects(volume.attach(t.signal), /holds no \.holdfast-volume/);

    assert.equal(isMounted(drive), false);
    assert.equal(ledger.owed.size, 0);
  });

  test("gets a place of its own where none is configured", async (t) => {
    const drive = await plugInDrive(t);
    const name = `test-${process.pid}`;
    const options = { device: drive.uuid, mount: "direct", marker: false };
    const access = { name, host, ledger: new OpenLedger(), secret };
    const volume = AnyVolume.parse(options).open(access);

    const attached = await volume.attach(t.signal);

    const { path } = attached;
    assert.equal(path, `/run/holdfast/volumes/${name}`);
    assert.equal(isMounted(drive, path), true);
    await attached[Symbol.asyncDispose]();
    assert.equal(existsSync(path), false);
  });

  test("stays mounted when somebody else had mounted it", async (t) => {
    const drive = await plugInDrive(t);
    const elsewhere = join(drive.directory, "elsewhere");
    mount(drive, elsewhere);
    const volume = open({ device: drive.uuid, marker: false });

    {
      await using attached = await volume.attach(t.signal);
      assert.deepEqual([attached.path, attached.did], [elsewhere, []]);
    }

    assert.equal(isMounted(drive, elsewhere), true);
  });

  test("is found by a folder of it, and by a link to it", async (t) => {
    const drive = await plugInDrive(t);
    const there = join(drive.directory, "there");
    mount(drive, there);
    mkdirSync(join(there, "folder"));
    execFileSync("ln", ["-s", there, join(drive.directory, "link")]);
    const paths = ["there/folder", "link", "link/folder"];

    const states = await Promise.all(
      paths.map(async (path) => {
        const options = { device: drive.uuid, path: join(drive.directory, path), marker: false };
        return (await open(options).observe(t.signal)).kind;
      }),
    );

    assert.deepEqual(states, ["mounted", "mounted", "mounted"]);
  });

  test("is not taken for what is mounted in its place, or mounted elsewhere", async (t) => {
    const [drive, other] = [await plugInDrive(t), await plugInDrive(t)];
    const path = join(drive.directory, "mnt");
    mount(other, path);
    const volume = open({ device: drive.uuid, path, marker: false });
    const taken = await volume.observe(t.signal);
    mount(drive, join(drive.directory, "elsewhere"));

    const alsoElsewhere = await volume.observe(t.signal);
    execFileSync("umount", [path]);
    const elsewhere = await volume.observe(t.signal);

    const codes = [taken, alsoElsewhere, elsewhere].map((state) => "code" in state && state.code);
    assert.deepEqual(codes, ["volume-mismatch", "volume-mismatch", "fstab-mismatch"]);
  });

  test("can be observed and examined where nothing may be changed", async (t) => {
    const drive = await plugInDrive(t);
    const access = { name: "usb", host: readOnlyHost(host), ledger: noLedger, secret };
    const volume = AnyVolume.parse({ device: drive.uuid }).open(access);

    const state = await volume.observe(t.signal);
    const findings = await volume.examine(t.signal);

    assert.equal(state.kind, "attachable");
    assert.ok(findings.length > 0);
    await assert.rejects(volume.attach(t.signal));
    assert.equal(isMounted(drive), false);
  });
});

const machines = { get: () => host };

async function leave(t: { signal: AbortSignal }, drive: LoopDrive): Promise<LedgerEntry> {
  const ledger = new OpenLedger();
  const path = join(drive.directory, "mnt");
  await open({ device: drive.uuid, path, marker: false }, ledger).attach(t.signal);
  const [entry] = ledger.owed;
  assert.ok(entry);
  // As the journal keeps it.
  return JSON.parse(JSON.stringify(entry));
}

async function undo(entry: LedgerEntry, signal: AbortSignal): Promise<void> {
  const undoing = volumeUndoings(machines).get(entry.kind);
  assert.ok(undoing);
  await undoing(entry, signal);
}

const without = withoutDrives();
const nobody = () => undefined;

suite(
  "a drive of another machine",
  { skip: without === false ? withoutTools(...sshdTools) : without },
  () => {
    test("is mounted for use there and unmounted again, also by who comes later", async (t) => {
      const drive = await plugInDrive(t);
      await using server = await startSshd();
      const settings = HostSettings.parse(server.entry);
      await using nas = openSshHost({
        name: "nas",
        here: host,
        choice: anywhere,
        known: nobody,
        settings,
      });
      const path = join(drive.directory, "a name with 'everything' -- in it");
      const ledger = new OpenLedger();
      const spec = AnyVolume.parse({ host: "nas", device: drive.uuid, path });
      const volume = spec.open({ name: "usb", host: nas.host, ledger, secret });

      const created = await volume.init(t.signal);
      const between = isMounted(drive);
      const attached = await volume.attach(t.signal);
      const [entry] = ledger.owed;
      assert.ok(entry);
      const during = isMounted(drive);
      const undoing = volumeUndoings({ get: () => nas.host }).get(entry.kind);
      await undoing?.(entry, t.signal);
      const after = isMounted(drive);
      await attached[Symbol.asyncDispose]();

      assert.equal(created, true);
      assert.deepEqual([attached.path, attached.did], [path, ["mounted"]]);
      assert.deepEqual([between, during, after], [false, true, false]);
      assert.equal(entry.data["host"], "nas");
      assert.equal(ledger.owed.size, 0);
    });
  },
);

suite("what a dead process has mounted", { skip: withoutDrives() }, () => {
  test("is unmounted from its ledger, as often as is asked", async (t) => {
    const drive = await plugInDrive(t);
    const entry = await leave(t, drive);
    const before = isMounted(drive);

    await undo(entry, t.signal);
    await undo(entry, t.signal);

    assert.deepEqual([before, isMounted(drive)], [true, false]);
    assert.equal(existsSync(join(drive.directory, "mnt")), false);
  });

  test("is left alone after the machine was started again", async (t) => {
    const drive = await plugInDrive(t);
    const entry = await leave(t, drive);

    await undo({ ...entry, data: { ...entry.data, boot: "another" } }, t.signal);

    assert.equal(isMounted(drive), true);
  });

  test("is not mistaken for what somebody has mounted elsewhere since", async (t) => {
    const drive = await plugInDrive(t);
    const entry = await leave(t, drive);
    execFileSync("umount", [drive.device]);
    mount(drive, join(drive.directory, "elsewhere"));

    await undo(entry, t.signal);

    assert.equal(isMounted(drive), true);
  });

  test("stays owed while something uses it", async (t) => {
    const drive = await plugInDrive(t);
    const entry = await leave(t, drive);
    const path = join(drive.directory, "mnt");
    writeFileSync(join(path, "file"), "");
    const user = spawn("sleep", ["600"], { cwd: path });
    const ended = once(user, "exit");

    try {
      await assert.rejects(undo(entry, t.signal), { code: "unmount-failed", hint: /fuser/ });

      assert.equal(isMounted(drive), true);
    } finally {
      user.kill("SIGKILL");
      await ended;
    }
  });
});
