import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aProgram } from "../../test/support/program.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { VolumeSpec } from "../volumes/volume.ts";
import { SharedVolumes, type VolumeEvent, type VolumeUser } from "./attachments.ts";
import type { Program } from "./program.ts";

const { signal } = new AbortController();
const now = new Date("2026-11-21T12:00:00Z");

/** A drive that is plugged in: what happens to it is written down. */
class Drive {
  readonly happened: string[] = [];
  isMounted = false;
  isThere = true;
  /** Something has a file open on it. */
  isBusy = false;

  spec(device?: string): VolumeSpec {
    return {
      path: "/mnt/usb",
      marker: true,
      ...(device === undefined ? {} : { device }),
      open: ({ name, ledger }) => ({
        name,
        observe: async () => await Promise.reject(new Error("nobody looks here")),
        examine: async () => await Promise.resolve([]),
        init: async () => await Promise.resolve(false),
        attach: async () => {
          if (!this.isThere) throw new HoldfastError("volume-away", "it is gone");
          const did: string[] = [];
          const undo = new AsyncDisposableStack();
          if (!this.isMounted) {
            const promised = ledger.promise({ kind: "pretended", subject: name, data: {} });
            this.isMounted = true;
            this.happened.push("mounted");
            did.push("mounted");
            undo.defer(async () => {
              await this.unmount();
              promised.settle();
            });
          }
          return await Promise.resolve({
            path: "/mnt/usb",
            did,
            [Symbol.asyncDispose]: async () => await undo.disposeAsync(),
          });
        },
      }),
    };
  }

  readonly unmount = async (): Promise<void> => {
    if (this.isBusy) throw new HoldfastError("busy", "usb is busy");
    this.isMounted = false;
    this.happened.push("unmounted");
    await Promise.resolve();
  };
}

async function programWith(drive: Drive, names: readonly string[] = ["usb"], device?: string) {
  const volumes = new Map(names.map((name) => [name, drive.spec(device)]));
  return await aProgram({ jobs: [], now, config: { volumes } });
}

function aUser(purpose: string): VolumeUser & { readonly told: VolumeEvent[] } {
  const told: VolumeEvent[] = [];
  return { purpose, told, tell: (event) => void told.push(event) };
}

/** What those need who share the drive. */
function sharedBy(program: Program, ...jobs: readonly string[]): SharedVolumes {
  return new SharedVolumes(program, new Map(jobs.map((job) => [job, ["usb"]])));
}

suite("a volume that several jobs need", () => {
  test("is attached once, and put back after the last of them", async () => {
    const drive = new Drive();
    await using place = await programWith(drive);
    const volumes = sharedBy(place.program, "documents", "photos");
    const [first, second] = [aUser("documents"), aUser("photos")];

    const path = await volumes.attach("usb", first, signal);
    await volumes.finish("documents", first);
    await volumes.attach("usb", second, signal);
    const before = [...drive.happened];
    const stuck = await volumes.finish("photos", second);

    assert.equal(path, "/mnt/usb");
    assert.deepEqual([before, drive.happened], [["mounted"], ["mounted", "unmounted"]]);
    assert.deepEqual(stuck, []);
    assert.deepEqual(first.told, [
      { event: "volume-attached", volume: "usb", path: "/mnt/usb", did: ["mounted"] },
    ]);
    assert.deepEqual(second.told, [{ event: "volume-released", volume: "usb", mayUnplug: true }]);
  });

  test("is put back by one that did not use it, when that is the last that was to", async () => {
    const drive = new Drive();
    await using place = await programWith(drive);
    const volumes = sharedBy(place.program, "documents", "photos");
    const [first, second] = [aUser("documents"), aUser("photos")];
    await volumes.attach("usb", first, signal);
    await volumes.finish("documents", first);

    await volumes.finish("photos", second);

    assert.deepEqual(drive.happened, ["mounted", "unmounted"]);
    assert.equal(second.told.length, 1);
  });

  test("is put back at once when nobody else was to come", async () => {
    const drive = new Drive();
    await using place = await programWith(drive);
    const volumes = new SharedVolumes(place.program, new Map([["photos", ["other"]]]));
    await volumes.attach("usb", aUser("documents"), signal);

    await volumes.finish("documents", aUser("documents"));

    assert.deepEqual(drive.happened, ["mounted", "unmounted"]);
  });

  test("is put back at the end for those that never came to theirs", async () => {
    const drive = new Drive();
    await using place = await programWith(drive);
    {
      await using volumes = sharedBy(place.program, "documents", "photos");
      await volumes.attach("usb", aUser("documents"), signal);
    }

    assert.deepEqual(drive.happened, ["mounted", "unmounted"]);
    assert.deepEqual(place.program.journal.openPromises(), []);
  });
});

suite("a volume that others use as well", () => {
  test("stays as long as another call of the program uses it", async () => {
    const drive = new Drive();
    await using place = await programWith(drive);
    const ours = sharedBy(place.program, "documents");
    await ours.attach("usb", aUser("documents"), signal);
    using _ = place.program.journal.use("volume:usb", "a run elsewhere");
    const user = aUser("documents");

    await ours.finish("documents", user);

    assert.deepEqual([drive.happened, user.told], [["mounted"], []]);
    assert.deepEqual(place.program.journal.openPromises(), [], "it is owed, and not yet due");
  });

  test("comes and goes with its device, under whatever name", async () => {
    const drive = new Drive();
    await using place = await programWith(drive, ["usb", "same"], "1A2B-3C4D");
    const ours = new SharedVolumes(place.program, new Map([["documents", ["usb"]]]));
    const theirs = new SharedVolumes(place.program, new Map([["photos", ["same"]]]));
    await ours.attach("usb", aUser("documents"), signal);
    await theirs.attach("same", aUser("photos"), signal);

    await ours.finish("documents", aUser("documents"));

    assert.deepEqual(drive.happened, ["mounted"]);
  });

  test("that was there already stays, and nothing is said", async () => {
    const drive = new Drive();
    drive.isMounted = true;
    await using place = await programWith(drive);
    const volumes = sharedBy(place.program, "documents");
    const user = aUser("documents");
    await volumes.attach("usb", user, signal);

    await volumes.finish("documents", user);

    assert.deepEqual([drive.happened, user.told], [[], []]);
  });
});

suite("a volume that cannot be had or put back", () => {
  test("is not in use by whoever did not get it", async () => {
    const drive = new Drive();
    drive.isThere = false;
    await using place = await programWith(drive);
    const volumes = sharedBy(place.program, "documents");

    await assert.rejects(
      async () => await volumes.attach("usb", aUser("documents"), signal),
      (error) => error instanceof HoldfastError && error.code === "volume-away",
    );

    assert.deepEqual(place.program.journal.users("volume:usb"), []);
  });

  test("is owed still when something keeps it busy", async () => {
    const drive = new Drive();
    await using place = await programWith(drive);
    const volumes = sharedBy(place.program, "documents");
    const user = aUser("documents");
    await volumes.attach("usb", user, signal);
    drive.isBusy = true;

    const stuck = await volumes.finish("documents", user);

    assert.deepEqual(
      stuck.map(({ message }) => message),
      ["usb is busy"],
    );
    assert.equal(user.told.length, 1, "nobody is told that it may be unplugged");
    assert.deepEqual(
      place.program.journal.openPromises().map(({ entry }) => entry.subject),
      ["usb"],
    );
  });
});
