import assert from "node:assert/strict";
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { anywhere } from "../hosts/hosts.ts";
import { localHost } from "../hosts/local.ts";
import { openSshHost } from "../hosts/ssh/open.ts";
import { HostSettings } from "../hosts/ssh/settings.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { LedgerEntry } from "../kernel/ledger.ts";
import { newDisk, withoutDisks } from "../../test/support/disk.ts";
import { newNextcloud, type TestNextcloud } from "../../test/support/nextcloud.ts";
import { freePort } from "../../test/support/service.ts";
import { sshdTools, startSshd } from "../../test/support/sshd.ts";
import { withoutOtherUsers, withoutTools } from "../../test/support/tools.ts";
import { fileWay } from "./maintenance-file.ts";
import { maintenanceUndoings, openMaintenance } from "./maintenance.ts";
import { occWay } from "./maintenance-occ.ts";
import { readInstance } from "./read-instance.ts";

const host = localHost();
const { signal } = new AbortController();
const onlyRoot = process.getuid?.() === 0 ? false : "only root can give files to others";
const file = "zz-holdfast.config.php";

function switchesByFile(nextcloud: TestNextcloud, pauses: number[] = [], token = "our-token") {
  const place = { host, occ: nextcloud.occ, config: nextcloud.config, token };
  return fileWay(place, {
    pause: async (ms) => {
      pauses.push(ms);
    },
  });
}

/** An occ that fails in each of ten tries takes seconds; that these are waited for is asserted, not seen. */
function switchesByOcc(nextcloud: TestNextcloud, onPause: () => void | Promise<void> = () => {}) {
  return occWay(nextcloud.access(host), async () => {
    await onPause();
  });
}

async function undo(entry: LedgerEntry): Promise<void> {
  // As a later process reads it.
  const read: LedgerEntry = JSON.parse(JSON.stringify(entry));
  const undoing = maintenanceUndoings({ get: () => host }).get(read.kind);
  assert.ok(undoing);
  await undoing(read, signal);
}

async function changesASetting(nextcloud: TestNextcloud): Promise<void> {
  const [program, ...words] = nextcloud.occ;
  const argv = [program, ...words, "maintenance:data-fingerprint"] as const;
  await host.run({ argv, effect: "writes" }, signal);
}

/** Something that listens where a database would. */
async function listener(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function hintOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof HoldfastError);
  return `${error.code}: ${error.message}\n${error.hint}`;
}

suite("maintenance by a file", () => {
  test("begins and ends without config.php being touched or occ switching anything", async () => {
    await using nextcloud = await newNextcloud();
    const before = await readFile(nextcloud.configFile, "utf8");
    const { maintenance } = await openMaintenance(nextcloud.access(host), "auto", signal);

    assert.equal(await maintenance.isOn(signal), false);
    await maintenance.switchOn(signal);
    assert.equal(nextcloud.isInMaintenance(), true);
    assert.equal(await maintenance.isOn(signal), true);
    await maintenance.switchOff(signal);

    assert.equal(nextcloud.isInMaintenance(), false);
    assert.equal(await readFile(nextcloud.configFile, "utf8"), before);
    assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
    assert.ok((await nextcloud.calls()).every(([word]) => word === "status"));
  });

  test("may be switched twice, and off when it never was on", async () => {
    await using nextcloud = await newNextcloud();
    const maintenance = switchesByFile(nextcloud);

    await maintenance.switchOff(signal);
    await maintenance.switchOn(signal);
    await maintenance.switchOn(signal);
    await maintenance.switchOff(signal);
    await maintenance.switchOff(signal);

    assert.equal(nextcloud.isInMaintenance(), false);
  });

  test(
    "puts a file there that the web server can read",
    { skip: withoutOtherUsers() },
    async () => {
      await using nextcloud = await newNextcloud();
      await nextcloud.giveConfigTo(33);
      const access = {
        ...nextcloud.access(host),
        occ: ["setpriv", "--reuid=33", "--regid=33", "--clear-groups", ...nextcloud.occ] as const,
      };
      const { maintenance } = await openMaintenance(access, "file", signal);

      await maintenance.switchOn(signal);
      const { uid, mode } = await stat(join(nextcloud.config, file));
      await maintenance.switchOff(signal);

      assert.equal(uid, 33);
      assert.equal(mode & 0o777, 0o644);
    },
  );

  test("ends also what Nextcloud has written into config.php meanwhile", async () => {
    await using nextcloud = await newNextcloud();
    const maintenance = switchesByFile(nextcloud);
    await maintenance.switchOn(signal);
    await changesASetting(nextcloud);
    assert.match(await readFile(nextcloud.configFile, "utf8"), /'maintenance' => true/);

    await maintenance.switchOff(signal);

    assert.equal(nextcloud.isInMaintenance(), false);
    assert.deepEqual((await nextcloud.calls()).at(-2), ["maintenance:mode", "--off"]);
  });

  test("cannot end what another file says, names it, and ends once that is gone", async () => {
    await using nextcloud = await newNextcloud();
    const maintenance = switchesByFile(nextcloud);
    const other = join(nextcloud.config, "other.config.php");
    await maintenance.switchOn(signal);
    await writeFile(other, "<?php $CONFIG = ['maintenance' => true];");

    const said = await hintOf(maintenance.switchOff(signal));
    await rm(other);
    await maintenance.switchOff(signal);

    assert.match(said, /^maintenance-failed: .*because .*other\.config\.php says so/);
    assert.equal(nextcloud.isInMaintenance(), false);
  });

  test("says which later file overrules it, and takes its own away", async () => {
    await using nextcloud = await newNextcloud();
    const later = join(nextcloud.config, "zzz.config.php");
    await writeFile(later, "<?php $CONFIG = ['maintenance' => false];");

    const said = await hintOf(switchesByFile(nextcloud).switchOn(signal));

    assert.match(said, /zzz\.config\.php is read after zz-holdfast\.config\.php/);
    assert.deepEqual(await readdir(nextcloud.config), ["config.php", "zzz.config.php"]);
  });

  test("gives way to occ where Nextcloud does not heed the folder that was named", async () => {
    await using nextcloud = await newNextcloud();
    const wrong = join(nextcloud.folder, "wrong");
    await mkdir(wrong);
    await writeFile(join(wrong, "config.php"), "<?php $CONFIG = [];");
    const access = { ...nextcloud.access(host), config: wrong };
    const { maintenance, entry } = await openMaintenance(access, "auto", signal);

    await maintenance.switchOn(signal);
    const wasOn = nextcloud.isInMaintenance();
    await undo(entry);

    assert.equal(wasOn, true);
    assert.equal(nextcloud.isInMaintenance(), false);
    assert.deepEqual(await readdir(wrong), ["config.php"]);
    const { maintenance: only } = await openMaintenance(access, "file", signal);
    assert.match(await hintOf(only.switchOn(signal)), /does not heed[\s\S]*correct `config`/);
  });

  test("ends with the database down, when nothing else says otherwise", async () => {
    const port = await freePort();
    await using nextcloud = await newNextcloud({
      config: { dbtype: "mysql", dbhost: `127.0.0.1:${port}` },
    });
    const server = await listener(port);
    const maintenance = switchesByFile(nextcloud);
    await maintenance.switchOn(signal);
    server.close();
    await once(server, "close");

    await maintenance.switchOff(signal);

    assert.equal(nextcloud.isInMaintenance(), false);
  });

  test("is a failure when somebody has ended it meanwhile, and may be tried anew", async () => {
    await using nextcloud = await newNextcloud();
    const maintenance = switchesByFile(nextcloud);
    await maintenance.switchOn(signal);
    await rm(join(nextcloud.config, file));

    const said = await hintOf(maintenance.switchOff(signal));
    await maintenance.switchOff(signal);
    await maintenance.switchOn(signal);
    await maintenance.switchOff(signal);

    assert.match(said, /^maintenance-failed: somebody ended maintenance before/);
  });

  test("does not begin with the database down, and leaves nothing", async () => {
    await using nextcloud = await newNextcloud({
      config: { dbtype: "mysql", dbhost: `127.0.0.1:${await freePort()}` },
    });
    const pauses: number[] = [];

    const said = await hintOf(switchesByFile(nextcloud, pauses).switchOn(signal));

    assert.match(said, /^maintenance-failed: .*does not reach its database/);
    assert.equal(pauses.length, 9, "ten tries");
    assert.deepEqual(
      pauses,
      pauses.toSorted((a, b) => a - b),
      "growing waits",
    );
    assert.equal(nextcloud.isInMaintenance(), false);
  });

  test("does not begin while another run has its file there, and leaves that alone", async () => {
    await using nextcloud = await newNextcloud();
    const other = switchesByFile(nextcloud, [], "another-token");
    await other.switchOn(signal);
    const maintenance = switchesByFile(nextcloud);

    const said = await hintOf(maintenance.switchOn(signal));
    await maintenance.switchOff(signal);

    assert.match(said, /there already: another run[\s\S]*rm -- .*zz-holdfast/);
    assert.equal(nextcloud.isInMaintenance(), true);
    await other.switchOff(signal);
    assert.equal(nextcloud.isInMaintenance(), false);
  });

  test(
    "does not begin where occ is refused, names the user, and leaves nothing",
    { skip: onlyRoot },
    async () => {
      await using nextcloud = await newNextcloud();
      await nextcloud.giveConfigTo(33);
      const pauses: number[] = [];

      const said = await hintOf(switchesByFile(nextcloud, pauses).switchOn(signal));

      assert.match(said, /^maintenance-failed: .*owner of config\.php, who is user 33\n.*#33/);
      assert.deepEqual(pauses, [], "it cannot pass");
      assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
    },
  );

  test("is not on when it was interrupted", async () => {
    await using nextcloud = await newNextcloud();
    const abort = new AbortController();
    const place = { host, occ: nextcloud.occ, config: nextcloud.config, token: "ours" };
    await writeFile(join(nextcloud.config, file), "<?php // of another run");
    const maintenance = fileWay(place, {
      pause: async () => {
        await rm(join(nextcloud.config, file));
        abort.abort(new HoldfastError("interrupted", "enough"));
      },
    });

    await assert.rejects(maintenance.switchOn(abort.signal), { code: "interrupted" });

    assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
  });

  test("needs a folder to put it into", async () => {
    await using nextcloud = await newNextcloud();
    const { host: here, occ } = nextcloud.access(host);

    await assert.rejects(openMaintenance({ host: here, occ }, "file", signal), {
      code: "config-invalid",
    });
  });
});

suite("maintenance by occ", () => {
  test("begins and ends, and is what is taken without a folder of config.php", async () => {
    await using nextcloud = await newNextcloud();
    const { occ } = nextcloud.access(host);
    const { maintenance } = await openMaintenance({ host, occ }, "auto", signal);

    await maintenance.switchOn(signal);
    const wasOn = nextcloud.isInMaintenance();
    await maintenance.switchOff(signal);

    assert.equal(wasOn, true);
    assert.equal(nextcloud.isInMaintenance(), false);
  });

  test("is not believed by its exit status: config.php is read-only", async () => {
    await using nextcloud = await newNextcloud();
    await chmod(nextcloud.configFile, 0o440);
    let pauses = 0;
    const maintenance = switchesByOcc(nextcloud, () => {
      pauses += 1;
    });

    const said = await hintOf(maintenance.switchOn(signal));

    assert.match(said, /^maintenance-failed: occ cannot write to config\.php/);
    assert.equal(pauses, 0);
  });

  test("says that config.php is read-only by its own words", async () => {
    await using nextcloud = await newNextcloud({ config: { config_is_read_only: true } });

    const said = await hintOf(switchesByOcc(nextcloud).switchOn(signal));

    assert.match(said, /read-only[\s\S]*maintenance: file/);
  });

  test("is a failure when a request that began before has written its own settings", async () => {
    await using nextcloud = await newNextcloud();
    const maintenance = switchesByOcc(nextcloud);
    await maintenance.switchOn(signal);
    await nextcloud.setConfig({ loglevel: 1 });

    const said = await hintOf(maintenance.switchOff(signal));
    await maintenance.switchOff(signal);

    assert.match(said, /^maintenance-failed: somebody ended[\s\S]*maintenance: file/);
  });

  test("is tried again until the database is back", async () => {
    const port = await freePort();
    await using nextcloud = await newNextcloud({
      config: { dbtype: "mysql", dbhost: `127.0.0.1:${port}` },
    });
    await using stack = new AsyncDisposableStack();
    let pauses = 0;
    const maintenance = switchesByOcc(nextcloud, async () => {
      pauses += 1;
      if (pauses !== 3) return;
      const server = await listener(port);
      stack.defer(() => {
        server.close();
      });
    });

    await maintenance.switchOn(signal);

    assert.equal(pauses, 3);
    assert.equal(nextcloud.isInMaintenance(), true);
  });

  test("does not end while the database is down, and says so after ten tries", async () => {
    await using nextcloud = await newNextcloud({
      config: { maintenance: true, dbtype: "mysql", dbhost: `127.0.0.1:${await freePort()}` },
    });

    const said = await hintOf(switchesByOcc(nextcloud).switchOff(signal));

    assert.match(said, /^maintenance-failed: .*does not reach its database/);
    assert.equal((await nextcloud.calls()).length, 10);
  });

  test("names the file that keeps it on", async () => {
    await using nextcloud = await newNextcloud();
    await writeFile(
      join(nextcloud.config, "other.config.php"),
      "<?php $CONFIG = ['maintenance' => true];",
    );

    assert.match(
      await hintOf(switchesByOcc(nextcloud).switchOff(signal)),
      /still in maintenance mode, because .*other\.config\.php says so/,
    );
  });

  test(
    "is not begun on a full disk, where config.php would be emptied",
    { skip: withoutDisks("ext4") },
    async () => {
      await using disk = await newDisk({ format: "ext4", sizeMiB: 16 });
      await using nextcloud = await newNextcloud({ at: join(disk.path, "nextcloud") });
      const before = await readFile(nextcloud.configFile, "utf8");
      // Down to the last block, as root may use what is kept for him.
      for (const size of ["64k", "1k"]) {
        const to = join(disk.path, `filled-by-${size}`);
        const argv = ["dd", "if=/dev/zero", `of=${to}`, `bs=${size}`, "status=none"] as const;
        await host.run({ argv, effect: "writes", okExits: [1] }, signal);
      }

      const byOcc = await hintOf(switchesByOcc(nextcloud).switchOn(signal));
      const byFile = await hintOf(switchesByFile(nextcloud).switchOn(signal));

      assert.match(byOcc, /^maintenance-failed: there is no space left/);
      assert.match(byFile, /^maintenance-failed: .*cannot be written/);
      assert.equal(await readFile(nextcloud.configFile, "utf8"), before);
      assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
    },
  );
});

suite("after a crash", () => {
  for (const way of ["file", "occ"] as const) {
    test(`maintenance by ${way} is ended by what the ledger holds, once and again`, async () => {
      await using nextcloud = await newNextcloud();
      const { maintenance, entry } = await openMaintenance(nextcloud.access(host), way, signal);

      await undo(entry);
      await maintenance.switchOn(signal);
      const wasOn = nextcloud.isInMaintenance();
      await undo(entry);
      await undo(entry);

      assert.equal(wasOn, true);
      assert.equal(nextcloud.isInMaintenance(), false);
      assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
    });
  }

  test("the file of a run that came after is left alone", async () => {
    await using nextcloud = await newNextcloud();
    const { entry } = await openMaintenance(nextcloud.access(host), "file", signal);
    await switchesByFile(nextcloud, [], "a later run").switchOn(signal);

    await undo(entry);

    assert.equal(nextcloud.isInMaintenance(), true);
  });

  test("a half-written file is taken away", async () => {
    await using nextcloud = await newNextcloud();
    const { entry } = await openMaintenance(nextcloud.access(host), "file", signal);
    await writeFile(join(nextcloud.config, `.${file}.${String(entry.data["token"])}`), "<?p");

    await undo(entry);

    assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
  });

  test("a machine that is no longer configured is said to be missing", async () => {
    await using nextcloud = await newNextcloud();
    const { entry } = await openMaintenance(nextcloud.access(host), "file", signal);
    const undoing = maintenanceUndoings({
      get: () => {
        throw new Error("no such host");
      },
    }).get(entry.kind);

    await assert.rejects(undoing?.(entry, signal) ?? Promise.resolve(), { code: "unknown-name" });
  });

  test("a folder that is gone is no reason to keep trying, when Nextcloud says that it is over", async () => {
    await using nextcloud = await newNextcloud();
    const gone = { ...nextcloud.access(host), config: join(nextcloud.folder, "gone") };
    const { entry } = await openMaintenance(gone, "file", signal);

    await undo(entry);

    assert.equal(nextcloud.isInMaintenance(), false);
  });
});

test("hostile names of folders survive", { skip: onlyRoot }, async () => {
  await using nextcloud = await newNextcloud();
  const config = join(nextcloud.folder, "-x\n'$(touch hacked)\" é");
  await mkdir(config);
  await writeFile(join(config, "config.php"), "<?php $CONFIG = [];");
  await chown(config, 33, 33);
  const { maintenance } = await openMaintenance(
    { ...nextcloud.access(host), config },
    "auto",
    signal,
  );

  await maintenance.switchOn(signal);
  await maintenance.switchOff(signal);

  assert.equal(nextcloud.isInMaintenance(), false);
  assert.deepEqual(await readdir(config), ["config.php"]);
});

test(
  "a Nextcloud of another machine is switched there",
  { skip: withoutTools(...sshdTools) },
  async () => {
    await using nextcloud = await newNextcloud();
    await using server = await startSshd();
    await using opened = openSshHost({
      name: "cloud",
      here: host,
      choice: anywhere,
      known: () => undefined,
      settings: HostSettings.parse(server.entry),
    });
    const asked: (string | undefined)[] = [];
    const undoing = maintenanceUndoings({
      get(name) {
        asked.push(name);
        return opened.host;
      },
    });
    const access = nextcloud.access(opened.host);
    const { maintenance, entry } = await openMaintenance(access, "auto", signal);

    await maintenance.switchOn(signal);
    const instance = await readInstance(access, signal);
    await undoing.get(entry.kind)?.(entry, signal);

    assert.equal(instance.inMaintenance, true);
    assert.equal(nextcloud.isInMaintenance(), false);
    assert.deepEqual(asked, ["cloud"]);
    assert.deepEqual(await readdir(nextcloud.config), ["config.php"]);
  },
);
