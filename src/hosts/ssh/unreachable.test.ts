import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { unreachable } from "./unreachable.ts";

const attempt = {
  name: "nas",
  host: "nas.lan",
  port: 2222,
  user: "backup",
  key: "~/.ssh/k",
  typed: ["ssh", "-p", "2222", "backup@nas.lan"],
};

// As OpenSSH 9.2 says it.
const cases = [
  ["ssh: Could not resolve hostname nas.lan: Name or service not known", "away", /not known here/],
  ["ssh: connect to host nas.lan port 2222: Connection refused", "away", /nothing listens/],
  [
    "ssh: connect to host nas.lan port 2222: Connection timed out",
    "away",
    /did not answer in time/,
  ],
  ["Connection timed out during banner exchange", "away", /did not answer in time/],
  ["ssh: connect to host nas.lan port 2222: No route to host", "away", /no way to it/],
  ["Host key verification failed.", "error", /host key is not known/],
  ["Bad owner or permissions on /home/me/.ssh/config", "error", /me\/.ssh\/config .*others/],
  [
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
    "error",
    /host key has changed/,
  ],
  ["backup@nas.lan: Permission denied (publickey).", "error", /does not let this user in/],
  [
    "Permissions 0644 for 'k' are too open.\nWARNING: UNPROTECTED PRIVATE KEY FILE!\nPermission denied (publickey).",
    "error",
    /can be read by others/,
  ],
  [
    "/tmp/c: line 3: Bad configuration option: foo",
    "error",
    /does not understand its configuration/,
  ],
  [
    "kex_exchange_identification: Connection closed by remote host",
    "away",
    /or what it is reached through/,
  ],
  ["", "away", /ssh said nothing/],
] as const;

suite("what ssh says when it gets nowhere", () => {
  for (const [said, severity, expected] of cases) {
    test(`"${said.split("\n")[0]}" is understood`, () => {
      const failure = unreachable(attempt, said);

      assert.equal(failure.code, "host-unreachable");
      assert.equal(failure.finding.severity, severity);
      assert.match(failure.message, expected);
      assert.notEqual(failure.hint, undefined);
    });
  }

  test("comes with the command that lets the key in", () => {
    const { hint } = unreachable(attempt, "Permission denied (publickey,password).");

    assert.equal(hint, "let the key in with: ssh-copy-id -i ~/.ssh/k -p 2222 backup@nas.lan");
  });
});
