// What a configuration does not say of a machine is taken from the user's own files of ssh.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Sshd, sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { anywhere, type Hosts, openHosts } from "../hosts.ts";
import { localHost } from "../local.ts";
import { AnyHost } from "./index.ts";

const never = new AbortController().signal;

function open(hosts: Readonly<Record<string, unknown>>): Hosts {
  const specs = new Map(Object.entries(hosts).map(([name, host]) => [name, AnyHost.parse(host)]));
  return openHosts({ here: localHost({ graceMs: 500 }), specs, choice: anywhere });
}

async function saidBy(hosts: Hosts, name: string): Promise<string> {
  const { stdout } = await hosts.get(name).run({ argv: ["echo", name], effect: "reads" }, never);
  return stdout;
}

suite("~/.ssh/config", { skip: withoutTools(...sshdTools) }, () => {
  const earlierHome = process.env["HOME"];
  let gate: Sshd;
  let inner: Sshd;
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "holdfast home-"));
    gate = await startSshd();
    inner = await startSshd({ keysOf: gate });
    const knownHosts = join(home, "known hosts");
    const lines = [gate, inner].map(async (sshd) => await readFile(sshd.knownHosts, "utf8"));
    await writeFile(knownHosts, (await Promise.all(lines)).join(""));
    await mkdir(join(home, ".ssh"));
    const text = `
Host Gate
  Port ${gate.port}
Host inner behind
  Port ${inner.port}
Host behind
  ProxyJump Gate
Host Gate inner behind
  HostName 127.0.0.1
  User ${gate.user}
  IdentityFile ${gate.key}
  IdentitiesOnly yes
  UserKnownHostsFile "${knownHosts}"
`;
    await writeFile(join(home, ".ssh/config"), text);
    process.env["HOME"] = home;
  });
  after(async () => {
    if (earlierHome === undefined) Reflect.deleteProperty(process.env, "HOME");
    else process.env["HOME"] = earlierHome;
    for (const sshd of [gate, inner]) await sshd[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  test("gives address, port, user, key and known hosts of what it has a name for", async () => {
    const earlier = gate.connections();
    await using hosts = open({ nas: { addresses: ["Gate"] } });

    const said = await saidBy(hosts, "nas");

    assert.equal(said, "nas\n");
    assert.equal(gate.connections() - earlier, 1);
  });

  test("says what a machine is reached through, also one that is named as a jump", async () => {
    const earlier = [gate, inner].map((sshd) => sshd.connections());
    await using hosts = open({
      there: { addresses: ["behind"] },
      too: { addresses: ["inner"], jump: "Gate" },
    });

    const said = [await saidBy(hosts, "there"), await saidBy(hosts, "too")];

    assert.deepEqual(said, ["there\n", "too\n"]);
    assert.deepEqual(
      [gate, inner].map((sshd, index) => sshd.connections() - (earlier[index] ?? 0)),
      [2, 2],
    );
  });

  test("gives way to what the configuration says", async () => {
    const earlier = [gate, inner].map((sshd) => sshd.connections());
    await using hosts = open({
      straight: { addresses: ["behind"], jump: [] },
      other: { addresses: [{ host: "Gate", port: inner.port }] },
    });

    const said = [await saidBy(hosts, "straight"), await saidBy(hosts, "other")];

    assert.deepEqual(said, ["straight\n", "other\n"]);
    assert.deepEqual(
      [gate, inner].map((sshd, index) => sshd.connections() - (earlier[index] ?? 0)),
      [0, 2],
    );
  });

  test("finds one of several addresses by its names as well", async () => {
    await using hosts = open({ nas: { addresses: ["no-such-host.invalid", "inner"] } });

    const [finding] = await hosts.examine("nas", never);

    assert.deepEqual([finding?.code, finding?.severity], ["host-reachable", "ok"]);
  });

  test("is not read when others can write it, and doctor says so", async () => {
    const file = join(home, ".ssh/config");
    await chmod(file, 0o666);
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => await chmod(file, 0o600));
    const hosts = stack.use(open({ nas: { addresses: ["Gate"] } }));

    const [finding] = await hosts.examine("nas", never);

    assert.deepEqual([finding?.code, finding?.severity], ["host-misconfigured", "error"]);
    assert.match(finding?.message ?? "", /\.ssh\/config/);
  });
});
