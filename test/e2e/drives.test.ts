import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { newShare, play, type Played, withoutUserModeLinux } from "../support/vm.ts";

// The passphrase of a drive is nothing to protect here, and the machine is slow.
const quickKey = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
const script = join(import.meta.dirname, "../support/vm/drives.sh");

/** What the scenario announces to look at, in its order. */
function announced(): readonly string[] {
  const checks = readFileSync(script, "utf8").matchAll(/^check '([^']+)'/gm);
  return [...checks].flatMap(([, name = ""]) => name);
}

function makeDrives(folder: string): Readonly<Record<string, string>> {
  const [usb, stick] = [join(folder, "usb"), join(folder, "stick")];
  const uuid = crypto.randomUUID();
  execFileSync("truncate", ["--size", "200M", usb]);
  execFileSync("truncate", ["--size", "16M", stick]);
  const format = [
    "luksFormat",
    "--batch-mode",
    ...quickKey,
    "--uuid",
    uuid,
    "--key-file",
    "-",
    usb,
  ];
  execFileSync("cryptsetup", format, { input: "correct horse" });
  writeFileSync(join(folder, "uuid"), uuid);
  return { usb, stick };
}

suite("an encrypted drive that comes and goes", { skip: withoutUserModeLinux() }, () => {
  let played: Played;
  before(
    async () => {
      await using share = await newShare();
      const drives = makeDrives(share.path);
      played = await play(share.path, {
        script: readFileSync(script, "utf8"),
        drives,
        patienceMs: 20 * 60_000,
      });
    },
    { timeout: 30 * 60_000 },
  );

  for (const name of announced()) {
    test(name, () => {
      const seen = played.log.split("\n").includes(`ok ${name}`);

      assert.ok(seen, `not seen by the machine, which said:\n${played.log}`);
    });
  }

  test("sees the scenario to its end", () => {
    assert.ok(played.finished, played.log);
  });
});
