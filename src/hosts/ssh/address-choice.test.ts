import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { anywhere } from "../hosts.ts";
import { allowedRoutes, waysTo } from "./address-choice.ts";
import { HostSettings } from "./settings.ts";
import { sshConfig, type Way } from "./ssh-config.ts";

const nas = HostSettings.parse({
  addresses: [
    { host: "nas.lan", location: "home" },
    { host: "nas.office", location: ["office", "home"] },
    { host: "nas.example.org", location: "away" },
    "anywhere.example.org",
  ],
});

suite("the choice of an address", () => {
  for (const [locations, excluded, expected] of [
    [[], [], "nas.lan nas.office nas.example.org anywhere.example.org"],
    [["home"], [], "nas.lan nas.office anywhere.example.org"],
    [["office", "away"], [], "nas.office nas.example.org anywhere.example.org"],
    [[], ["home"], "nas.example.org anywhere.example.org"],
    [["office"], ["home"], "anywhere.example.org"],
    [["nowhere"], [], "anywhere.example.org"],
  ] as const) {
    test(`with locations [${locations.join(" ")}] and without [${excluded.join(" ")}] leaves ${expected}`, () => {
      const routes = allowedRoutes(nas, { locations, excluded });

      assert.equal(routes.map(({ host }) => host).join(" "), expected);
    });
  }
});

function written({ target, hops }: Way): string {
  const words = (hops ?? ["?"]).map((hop) => (typeof hop === "string" ? hop : hop.route.host));
  return [...words, target.route.host].join(" → ");
}

suite("the ways to a machine", () => {
  const hosts: Readonly<Record<string, HostSettings>> = {
    gate: HostSettings.parse({ addresses: ["gate.a", { host: "gate.b", location: "away" }] }),
    inner: HostSettings.parse({ addresses: ["inner"], jump: "gate" }),
  };
  const waysOf = (jump: unknown, choice = anywhere) =>
    waysTo(HostSettings.parse({ addresses: ["nas"], jump }), choice, (name) => hosts[name]).map(
      written,
    );

  test("go through every address of a hop", () => {
    const ways = waysOf("gate");

    assert.deepEqual(ways, ["gate.a → nas", "gate.b → nas"]);
  });

  test("leave out the addresses of a hop that are excluded", () => {
    const ways = waysOf("gate", { locations: [], excluded: ["away"] });

    assert.deepEqual(ways, ["gate.a → nas"]);
  });

  test("begin with what the first hop is itself reached through", () => {
    const ways = waysOf("inner");

    assert.deepEqual(ways, ["gate.a → inner → nas", "gate.b → inner → nas"]);
  });

  test("take a whole chain as it is", () => {
    const ways = waysOf(["gate", "inner"]);

    assert.deepEqual(ways, ["gate.a → inner → nas", "gate.b → inner → nas"]);
  });

  test("leave to ssh what is not configured, and what is not said", () => {
    const ways = [...waysOf("me@elsewhere:22"), ...waysOf([]), ...waysOf(undefined)];

    assert.deepEqual(ways, ["me@elsewhere:22 → nas", "nas", "? → nas"]);
  });
});

suite("the configuration for ssh", () => {
  test("says what is known first, then lets the user's files fill the gaps", () => {
    const settings = HostSettings.parse({
      addresses: [{ host: "nas.lan", port: 2222, key: "~/.ssh/100 % key" }],
      user: "backup",
      "known-hosts": "/etc/known",
      options: { Compression: true, ServerAliveInterval: 5 },
    });
    const [way] = waysTo(settings, anywhere, () => undefined);
    assert.ok(way);

    const { text, destination } = sshConfig(way, { files: ["/h/.ssh/config"], connectSeconds: 7 });

    assert.equal(destination, "nas.lan");
    assert.deepEqual(text.split("\n"), [
      "Host nas.lan",
      "User backup",
      "Port 2222",
      "Compression yes",
      "ServerAliveInterval 5",
      'IdentityFile "~/.ssh/100 %% key"',
      "IdentitiesOnly yes",
      'UserKnownHostsFile "/etc/known"',
      "Match all",
      "BatchMode yes",
      "ConnectTimeout 7",
      "ControlMaster no",
      "ControlPath none",
      "LogLevel INFO",
      'Include "/h/.ssh/config"',
      "Match all",
      "ServerAliveInterval 15",
      "ServerAliveCountMax 3",
      "",
    ]);
  });

  test("tells two machines at one address apart", () => {
    const gate = HostSettings.parse({ addresses: [{ host: "same", port: 1 }], user: "gatekeeper" });
    const settings = HostSettings.parse({ addresses: [{ host: "same", port: 2 }], jump: "gate" });
    const [way] = waysTo(settings, anywhere, () => gate);
    assert.ok(way);

    const { text, firstStop } = sshConfig(way, { files: [], connectSeconds: 1 });

    assert.equal(firstStop, "holdfast-hop-1");
    assert.match(text, /^Host same\nPort 2\nProxyJump holdfast-hop-1\n/);
    assert.match(text, /\nHost holdfast-hop-1\nHostName same\nUser gatekeeper\nPort 1\n/);
  });

  test("says that there is no hop when there is to be none", () => {
    const settings = HostSettings.parse({ addresses: ["nas"], jump: [] });
    const [way] = waysTo(settings, anywhere, () => undefined);
    assert.ok(way);

    assert.match(sshConfig(way, { files: [], connectSeconds: 1 }).text, /\nProxyJump none\n/);
  });
});
