import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { Finding } from "../kernel/finding.ts";
import { localHost } from "../hosts/local.ts";
import { newNextcloud } from "../../test/support/nextcloud.ts";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { examineNextcloud } from "./examine.ts";

const host = localHost();
const { signal } = new AbortController();
const onlyRoot = process.getuid?.() === 0 ? false : "only root can give files to others";

function severities(findings: readonly Finding[]): Readonly<Record<string, string>> {
  return Object.fromEntries(findings.map(({ code, severity }) => [code, severity]));
}

suite("of a Nextcloud doctor says", () => {
  test("what was found, when all is well", async () => {
    await using nextcloud = await newNextcloud();

    const findings = await examineNextcloud(nextcloud.access(host), "auto", signal);

    assert.deepEqual(severities(findings), {
      "nextcloud-occ": "ok",
      "nextcloud-found": "ok",
      "nextcloud-config": "ok",
    });
    const said = findings.map(({ message }) => message).join("\n");
    assert.match(said, /occ of Nextcloud 29\.0\.6\.1 answers as \w+/);
    assert.ok(said.includes(`data in ${nextcloud.data}, the SQLite database ${nextcloud.data}/`));
    assert.match(said, /maintenance is switched by a file in/);
  });

  test("which database and which bucket it has", async () => {
    const s3 = {
      class: "\\OC\\Files\\ObjectStore\\S3",
      arguments: { bucket: "nc", hostname: "h" },
    };
    await using nextcloud = await newNextcloud({
      content: "none",
      config: { dbname: "nc", objectstore: s3 },
    });

    const findings = await examineNextcloud(nextcloud.access(host), "auto", signal);

    assert.match(
      findings.find(({ code }) => code === "nextcloud-found")?.message ?? "",
      /SQLite database .*nc\.db, files in the bucket nc$/,
    );
  });

  test("as which user occ must run", { skip: onlyRoot }, async () => {
    await using nextcloud = await newNextcloud();
    await nextcloud.giveConfigTo(33);

    const findings = await examineNextcloud(nextcloud.access(host), "auto", signal);

    const [first] = findings;
    assert.equal(first?.severity, "error");
    assert.match(first?.hint ?? "", /sudo, -u, "#33"/);
    assert.equal(severities(findings)["nextcloud-config"], "ok");
  });

  test("that an upgrade is due", async () => {
    await using nextcloud = await newNextcloud({ version: "30.0.1.2" });

    const findings = await examineNextcloud(nextcloud.access(host), "auto", signal);

    assert.equal(severities(findings)["nextcloud-upgrade"], "warning");
  });

  test("that it is in maintenance already, and who put it there", async () => {
    await using nextcloud = await newNextcloud({ config: { maintenance: true } });
    const access = nextcloud.access(host);

    const before = await examineNextcloud(access, "auto", signal);
    await writeFile(
      join(nextcloud.config, "zz-holdfast.config.php"),
      "<?php $CONFIG = ['maintenance' => true];",
    );
    const after = await examineNextcloud(access, "auto", signal);

    const hints = [before, after].map(
      (findings) => findings.find(({ code }) => code === "nextcloud-maintenance")?.hint ?? "",
    );
    assert.match(hints[0] ?? "", /occ maintenance:mode --off$/);
    assert.match(hints[1] ?? "", /rm -- .*zz-holdfast\.config\.php$/);
  });

  test("that its folder of config.php is another one, or cannot be written", async () => {
    await using nextcloud = await newNextcloud();
    const empty = join(nextcloud.folder, "empty");
    await mkdir(empty);
    const gone = join(nextcloud.folder, "gone");

    const [ofEmpty, ofGone, asFile] = await Promise.all([
      examineNextcloud({ ...nextcloud.access(host), config: empty }, "auto", signal),
      examineNextcloud({ ...nextcloud.access(host), config: gone }, "auto", signal),
      examineNextcloud({ ...nextcloud.access(host), config: empty }, "file", signal),
    ]);

    assert.equal(severities(ofEmpty)["nextcloud-config"], "warning");
    assert.equal(severities(ofGone)["nextcloud-config"], "error");
    assert.equal(severities(asFile)["nextcloud-config"], "error");
  });

  test("that config.php is read-only, where occ is to switch", async () => {
    await using nextcloud = await newNextcloud();
    await chmod(nextcloud.configFile, 0o440);

    const findings = await examineNextcloud(nextcloud.access(host), "occ", signal);

    assert.match(findings[0]?.message ?? "", /cannot write to config\.php/);
  });

  test("that its disk is nearly full, and that the service of docker is another one", async () => {
    using scripted = new ScriptedHost(
      [
        /test -f/,
        {},
        /^docker compose exec -T app php occ status/,
        { exitStatus: 1, stderr: "no such service: app" },
        /^stat /,
        { stdout: "www-data 33\n" },
      ],
      {
        paths: {
          "/srv/config": { kind: "directory", empty: false, device: "1", freeBytes: 1000 },
        },
      },
    );
    const occ = ["docker", "compose", "exec", "-T", "app", "php", "occ"] as const;
    const access = { host: scripted, occ, config: "/srv/config" };

    const findings = await examineNextcloud(access, "auto", signal);

    assert.equal(severities(findings)["nextcloud-config-space"], "error");
    assert.match(findings[0]?.hint ?? "", /docker compose ps --services/);
  });

  test("nothing that would change anything", async () => {
    await using nextcloud = await newNextcloud();

    await examineNextcloud(nextcloud.access(host), "auto", signal);

    assert.deepEqual(await nextcloud.calls(), [
      ["status", "--output=json"],
      ["config:list", "system", "--private", "--output=json"],
    ]);
  });
});
