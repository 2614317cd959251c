import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AnyHost } from "./index.ts";
import { HostSettings, routesOf } from "./settings.ts";

const hostile = [
  "-oProxyCommand=touch /tmp/x",
  "-F/tmp/x",
  "--",
  "-",
  "",
  " ",
  "a b",
  "a\nb",
  "a\nProxyCommand touch /tmp/x",
  "a\rb",
  "a\tb",
  "a\0b",
  "a;touch /tmp/x",
  "a|b",
  "a&b",
  "a>b",
  "a<b",
  "a'b",
  'a"b',
  "a`id`",
  "$(id)",
  "${HOME}",
  "a\\b",
  "*",
  "?",
  "!a",
  "a,b",
  "a#b",
  "(a)",
  "{a}",
  "a=b",
  "~a",
  "%h",
  "a/b",
  "../a",
  "\u001b[31m",
  "a\u0085b",
  "x".repeat(300),
  "а.example.org",
  "a\u202eb",
];

function problemsOf(host: unknown): readonly string[] {
  const { error } = AnyHost.safeParse(host);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

suite("the description of a machine", () => {
  for (const text of hostile) {
    test(`refuses ${JSON.stringify(text).slice(0, 60)} as an address, a user, a jump and an option`, () => {
      const refused = [
        { addresses: [text] },
        { addresses: [{ host: text }] },
        { addresses: ["nas"], user: text },
        { addresses: [{ host: "nas", user: text }] },
        { addresses: ["nas"], jump: text },
        { addresses: ["nas"], jump: ["gate", text] },
        { addresses: ["nas"], options: { [text]: "yes" } },
      ];

      for (const host of refused) assert.notDeepEqual(problemsOf(host), [], JSON.stringify(host));
    });
  }

  test("refuses files and options that would not stay on their line", () => {
    const addresses = ["nas"];

    assert.equal(problemsOf({ addresses, key: "/a\nProxyCommand x" }).length, 1);
    assert.equal(problemsOf({ addresses, key: '/a" b' }).length, 1);
    assert.equal(problemsOf({ addresses, key: "id_ed25519" }).length, 1);
    assert.equal(problemsOf({ addresses, key: "/a\\b" }).length, 1);
    assert.equal(problemsOf({ addresses, key: "/${HOME}/b" }).length, 1);
    assert.deepEqual(problemsOf({ addresses, key: "/a $b {c} 100%/it's" }), []);
    assert.equal(problemsOf({ addresses, "known-hosts": "/a\rb" }).length, 1);
    assert.equal(problemsOf({ addresses, options: { SendEnv: "A\nProxyCommand x" } }).length, 1);
  });

  for (const option of [
    "ControlPath",
    "controlmaster",
    "ControlPersist",
    "RemoteCommand",
    "RequestTTY",
    "LocalCommand",
    "PermitLocalCommand",
    "BatchMode",
    "Include",
    "Match",
    "User",
  ]) {
    test(`refuses the option ${option}, and says why`, () => {
      const problems = problemsOf({ addresses: ["nas"], options: { [option]: "yes" } });

      assert.match(problems.join(), new RegExp(`${option} cannot be set here: `));
    });
  }

  test("takes all that connections need", () => {
    const problems = problemsOf({
      addresses: [
        "nas.lan",
        "192.168.1.10",
        "fe80::1%eth0",
        { host: "nas.example.org", port: 2222, location: ["away", "office"], jump: "bastion" },
        { host: "nas_2", user: "first.last@example.org", key: "~/.ssh/two keys" },
      ],
      user: "backup",
      jump: ["me@gate.example.org:22", "bastion"],
      location: "home",
      "known-hosts": "/etc/ssh/nas",
      "connect-timeout": "5s",
      options: {
        Compression: true,
        ServerAliveInterval: 15,
        StrictHostKeyChecking: "accept-new",
        ForwardAgent: false,
        IdentityAgent: "none",
        KexAlgorithms: "-diffie-hellman-group14-sha1",
      },
    });

    assert.deepEqual(problems, []);
  });

  test("says its locations and jumps to the rest of the program", () => {
    const spec = AnyHost.parse({
      addresses: [{ host: "a", location: "home" }, { host: "b", jump: ["gate", "inner"] }, "c"],
      location: ["office", "home"],
    });

    assert.deepEqual(spec.locations, ["home", "office"]);
    assert.deepEqual(spec.jumps, ["gate", "inner"]);
  });

  test("lets an address differ from what is said of the machine", () => {
    const settings = HostSettings.parse({
      addresses: ["a", { host: "b", port: 2, user: "other", jump: [] }],
      user: "backup",
      jump: "gate",
    });

    assert.deepEqual(routesOf(settings), [
      { host: "a", user: "backup", jump: ["gate"], locations: [] },
      { host: "b", user: "other", port: 2, jump: [], locations: [] },
    ]);
  });
});
