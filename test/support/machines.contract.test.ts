// Machines of tests are what they say: joined, apart, and gone afterwards.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { type Machines, newMachines, withoutMachines } from "./machines.ts";
import { networksBelow } from "./net-namespace.ts";
import { putEverythingBack } from "./own-world.ts";

const execute = promisify(execFile);

putEverythingBack();

/** Calls ssh as a person would. */
async function ssh(machines: Machines, name: string, command: string): Promise<string> {
  const { address, entry } = machines.get(name);
  const options = [
    `UserKnownHostsFile=${String(entry["known-hosts"])}`,
    `IdentityFile=${String(entry["key"])}`,
    "BatchMode=yes",
    "ServerAliveInterval=1",
    "ServerAliveCountMax=2",
    "ConnectTimeout=3",
  ];
  const words = options.flatMap((option) => ["-o", option]);
  const [program, ...args] = machines.prefix;
  const called = [...args, "ssh", "-F", "none", ...words, `root@${address}`, command];
  const { stdout } = await execute(program, called);
  return stdout;
}

suite("machines", { skip: withoutMachines() }, () => {
  test("have disks of their own at one path, and count who comes", async () => {
    await using machines = await newMachines({ nas: {}, pi: {} });
    for (const { disk, name } of machines.all) await writeFile(join(disk, "name"), name);

    const said = await ssh(machines, "nas", `cat ${machines.disk}/name`);
    const executed = await machines.get("pi").execute("cat", `${machines.disk}/name`);

    assert.deepEqual([said, executed], ["nas", "pi"]);
    assert.deepEqual(await machines.get("nas").connections(), { made: 1, accepted: 1 });
    assert.deepEqual(await machines.get("pi").connections(), { made: 0, accepted: 0 });
    await assert.rejects(readFile(join(machines.disk, "name")));
    await machines.assertIdle();
  });

  test("are gone when their line is cut, swallows everything, or nothing runs there", async () => {
    await using machines = await newMachines({ nas: {} });
    const nas = machines.get("nas");
    const fails = async (): Promise<void> => {
      await assert.rejects(ssh(machines, "nas", "true"));
    };

    await nas.cut();
    await fails();
    await nas.heal();
    await nas.swallow();
    await fails();
    await nas.heal();
    await nas.switchOff();
    await fails();
    await nas.switchOn();

    assert.equal(await ssh(machines, "nas", "echo back"), "back\n");
  });

  test("have slow lines on demand, and leave nothing behind, not even what they run", async () => {
    let folder: string;
    {
      await using machines = await newMachines({ nas: {} });
      folder = dirname(machines.disk);
      const nas = machines.get("nas");
      await nas.slowDown(500);
      await ssh(machines, "nas", "sleep 600 > /dev/null 2>&1 &");
      const running = ssh(machines, "nas", "cat /dev/zero").catch(() => {});
      while ((await nas.traffic()).sent < 200_000);
      await nas.switchOff();
      await running;
      await nas.speedUp();
    }

    assert.deepEqual(networksBelow(folder), []);
  });
});
