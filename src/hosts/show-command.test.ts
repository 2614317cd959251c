import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Secret } from "../kernel/secret.ts";
import type { Command } from "./host.ts";
import { showCommand, showLineOn, showPipeline } from "./show-command.ts";

test("shows a command as a shell would take it", () => {
  const shown = showCommand({
    argv: ["restic", "--repo", "/srv/a b", "backup", "--", "-it's", "", "$HOME", "plain.txt"],
    cwd: "/srv",
    env: { RESTIC_CACHE_DIR: "/var/my cache" },
    effect: "writes",
  });

  assert.equal(
    shown,
    String.raw`cd /srv && RESTIC_CACHE_DIR='/var/my cache' restic --repo '/srv/a b' backup -- '-it'\''s' '' '$HOME' plain.txt`,
  );
});

test("keeps a name with a line feed on one line", () => {
  const shown = showCommand({ argv: ["ls", "a\nb\\'\u0007\u0085"], effect: "reads" });

  assert.equal(shown, String.raw`ls $'a\nb\\\'\x07\xc2\x85'`);
});

test("shows secrets as stars, also where one stands in an argument or needs quoting", () => {
  const secret = new Secret("it's a secret");

  const shown = showCommand({
    argv: ["curl", "--user", "me:it's a secret"],
    env: { TOKEN: secret, HEADER: "Bearer it's a secret" },
    stdin: secret,
    effect: "reads",
  });

  assert.equal(shown, "TOKEN=*** HEADER='Bearer ***' curl --user 'me:***'");
});

test("joins the stages of a pipeline with bars", () => {
  const shown = showPipeline([
    { argv: ["tar", "-c", "."], effect: "reads" },
    { argv: ["zstd"], effect: "writes" },
  ]);

  assert.equal(shown, "tar -c . | zstd");
});

suite("a line for a machine", () => {
  const line = showCommand({ argv: ["touch", "--", "/mnt/it's"], effect: "writes" });
  const remote = {
    shell: ["ssh"],
    destination: "x",
    through: (command: Command) => command,
  } as const;

  test("is the line itself where it is this one", () => {
    assert.equal(showLineOn({ name: "local" }, line), String.raw`touch -- '/mnt/it'\''s'`);
  });

  test("is one word for ssh where it is another one", () => {
    const typed = ["ssh", "-p", "2222", "backup@nas.lan"] as const;

    const shown = showLineOn({ name: "nas", remote: { ...remote, typed } }, "mkdir -p /srv/backup");

    assert.equal(shown, "ssh -p 2222 backup@nas.lan 'mkdir -p /srv/backup'");
  });

  test("brings a terminal to sudo", () => {
    const shown = showLineOn({ name: "nas", remote }, "sudo apt-get install rsync");

    assert.equal(shown, "ssh -t nas 'sudo apt-get install rsync'");
  });
});
