import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import type { Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import { AnyVolume } from "./index.ts";
import { polkitRule } from "./polkit-rule.ts";
import type { Volume } from "./volume.ts";

const uuid = "5941f273-f73c-44c5-a3ef-fae7248db1b6";
const listing = "lsblk --json --output NAME,KNAME,PATH,TYPE,FSTYPE,UUID,LABEL,PARTUUID,HOTPLUG";
const table = "cat /proc/self/mountinfo";

const device = (name: string, facts: object) => ({
  name,
  kname: name,
  path: `/dev/${name}`,
  ...facts,
});
const plain = device("sdb1", { type: "part", fstype: "ext4", uuid });
const locked = device("sdb1", { type: "part", fstype: "crypto_LUKS", uuid });
const other = device("sda1", { type: "part", fstype: "ext4", uuid: "1A2B-3C4D" });

/** One look at a machine with these devices and mounts. */
function look(devices: readonly object[], mounts = "") {
  const answer = { stdout: JSON.stringify({ blockdevices: devices }) };
  return [listing, answer, table, { stdout: mounts }] as const;
}

const secret = async () => assert.fail("nothing is to be unlocked");
const ledger = { promise: () => assert.fail("nothing is to be promised") };

function open(host: Host, options: object = {}): Volume {
  const spec = AnyVolume.parse({ device: uuid, ...options });
  return spec.open({ name: "usb", host, ledger, secret });
}

suite("the configuration of a drive", () => {
  for (const [what, options] of [
    ["a volume without path and device", {}],
    ["a device that is none", { device: "/dev/sdb1" }],
    ["a home directory of another host", { path: "~/backup", host: "nas" }],
    ["unlocking what has no id", { path: "/mnt/usb", unlock: { luks: { prompt: true } } }],
    ["mounting what has no id", { path: "/mnt/usb", mount: "udisks" }],
    ["two ways to a passphrase", { device: uuid, unlock: { luks: { prompt: true, env: "X" } } }],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.equal(AnyVolume.safeParse(options).success, false);
    });
  }
});

suite("a drive is away", () => {
  for (const [what, code, devices, options] of [
    ["when it is not plugged in", "device-not-present", [other], {}],
    [
      "when a copy of it is there too",
      "device-ambiguous",
      [plain, { ...plain, path: "/dev/sdc1" }],
      {},
    ],
    ["when nothing says how to unlock it", "device-locked", [locked], {}],
    [
      "when nobody can be asked for its passphrase",
      "passphrase-unavailable",
      [locked],
      { unlock: { luks: { prompt: true } } },
    ],
    ["when it shall not be mounted", "volume-not-mounted", [plain], { mount: "never" }],
  ] as const) {
    test(what, async (t) => {
      using host = new ScriptedHost([...look(devices)]);

      const state = await open(host, options).observe(t.signal);

      assert.ok(state.kind === "away");
      assert.equal(state.code, code);
    });
  }

  test("when its host does not answer", async (t) => {
    const down = new HoldfastError("host-unreachable", "nas does not answer", { hint: "wake it" });
    using host = new ScriptedHost([listing, down, table, down]);

    const state = await open(host).observe(t.signal);

    const { code, message: reason, hint } = down;
    assert.deepEqual(state, { kind: "away", code, reason, hint });
  });
});

suite("a drive is attachable", () => {
  for (const [what, devices, options] of [
    ["when it is not mounted", [plain], {}],
    [
      "when a partition is all of the disk",
      [{ ...other, ...plain, name: "sdb", path: "/dev/sdb", children: [plain] }],
      {},
    ],
    ["when it can be unlocked", [locked], { unlock: { luks: { env: "PASSPHRASE" } } }],
  ] as const) {
    test(what, async (t) => {
      using host = new ScriptedHost([...look(devices)]);

      const state = await open(host, options).observe(t.signal);

      assert.equal(state.kind, "attachable");
    });
  }
});

async function examine(
  t: TestContext,
  host: ScriptedHost,
  options: object,
): Promise<readonly Finding[]> {
  return await open(host, options).examine(t.signal);
}

/** Two looks and what there is to mount with. */
function machine(devices: readonly object[], uid: string, udisks: object) {
  const means = ["id -u", { stdout: `${uid}\n` }, "udisksctl status", udisks] as const;
  return [...look(devices), ...look(devices), ...means];
}

suite("examining a drive", () => {
  const silent = { exitStatus: 1, stderr: "Error connecting to the udisks daemon" };
  const noTool = new HoldfastError("tool-missing", "it was not found");

  test("says that udisks is missing, and how to get it", async (t) => {
    using host = new ScriptedHost(machine([plain], "1000", noTool));

    const findings = await examine(t, host, {});

    assert.deepEqual(
      findings.map(({ code }) => code),
      ["volume", "udisks-missing"],
    );
    assert.match(findings[1]?.hint ?? "", /apt-get install udisks2/);
  });

  test("says that udisks does not run", async (t) => {
    using host = new ScriptedHost(machine([plain], "1000", silent));

    const findings = await examine(t, host, {});

    assert.equal(findings[1]?.code, "udisks-not-running");
  });

  test("says that only root can do without udisks", async (t) => {
    const script = [...look([plain]), ...look([plain]), "id -u", { stdout: "1000\n" }];
    using host = new ScriptedHost(script);

    const findings = await examine(t, host, { mount: "direct" });

    assert.equal(findings[1]?.code, "root-needed");
  });

  test("says that cryptsetup is missing", async (t) => {
    const script = [...machine([locked], "0", noTool), "cryptsetup --version", noTool];
    using host = new ScriptedHost(script);

    const findings = await examine(t, host, { unlock: { luks: { env: "X" } } });

    assert.equal(findings[1]?.code, "cryptsetup-missing");
  });
});

test("the rule of polkit takes any name for a name", () => {
  const rule = polkitRule('"; evil(); "');

  assert.match(rule, /subject\.user === "\\"; evil\(\); \\""/);
  assert.equal(rule.match(/org\.freedesktop\.udisks2\./g)?.length, 10);
});
