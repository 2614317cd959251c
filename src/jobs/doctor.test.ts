import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aFleet, type FleetJob } from "../../test/support/pretended-fleet.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import { Secret } from "../kernel/secret.ts";
import { examine } from "./doctor.ts";

const rsync = {
  tool: "rsync",
  versionArguments: ["--version"],
  minimum: "3.0.0",
  advised: { version: "3.4.3", why: "older ones let a server write outside the target" },
  unlike: { says: "openrsync", why: "this is openrsync, which lacks options that are needed" },
  package: "rsync",
} as const;

const laptopToNas: FleetJob = { name: "photos", from: ":laptop", to: "nas:pool" };

function amiss(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ severity }) => severity !== "ok")
    .map(({ code, severity, subject }) => `${severity} ${code} ${subject}`);
}

function find(findings: readonly Finding[], code: string): Finding | undefined {
  return findings.find((finding) => finding.code === code);
}

suite("an examination", () => {
  test("asks each machine, volume and repository once, however many jobs need it", async ({
    signal,
  }) => {
    const jobs = Array.from({ length: 24 }, (_, index): FleetJob => {
      const host = `nas${index % 3}`;
      return { name: `job${index}`, from: ":laptop", to: `${host}:pool${index % 3}` };
    });
    await using fleet = await aFleet(jobs, { needs: [rsync, { ...rsync, tool: "zstd" }] });

    const findings = await examine(
      fleet.program,
      jobs.map(({ name = "" }) => name),
      signal,
    );

    assert.deepEqual(amiss(findings), []);
    for (const number of [0, 1, 2]) {
      assert.equal(fleet.asked.get(`host nas${number}`), 1);
      assert.equal(fleet.asked.get(`volume pool${number}`), 1);
      assert.equal(fleet.asked.get(`command on nas${number}`), 1, "one round trip for all tools");
    }
    assert.equal(fleet.asked.get("volume laptop"), 1);
    assert.equal(fleet.asked.get("command on here"), 3, "rsync, zstd and ssh");
  });

  test("says once that a machine does not answer, and that nothing behind it was examined", async ({
    signal,
  }) => {
    const asleep: Finding = {
      code: "host-unreachable",
      severity: "away",
      subject: "host nas",
      message: "does not answer",
    };
    await using fleet = await aFleet([{ ...laptopToNas, copies: ["nas:other"] }], {
      hosts: { nas: [asleep] },
      needs: [rsync],
    });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), [
      "away host-unreachable host nas",
      "away host-away volume pool",
      "away host-away volume other",
      "away repository-away repository pool",
      "away repository-away repository other",
    ]);
    assert.equal(find(findings, "host-away")?.message, "not examined: host nas is away");
    assert.equal(find(findings, "repository-away")?.message, "not examined: volume pool is away");
    assert.equal(fleet.asked.get("command on nas"), undefined);
    assert.equal(fleet.asked.get("volume pool"), undefined);
  });

  test("leaves nothing out that is behind a volume that is away", async ({ signal }) => {
    const away = {
      kind: "away",
      code: "device-not-present",
      reason: "it is not plugged in",
    } as const;
    await using fleet = await aFleet([laptopToNas], { volumes: { laptop: away, pool: away } });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), [
      "away device-not-present volume laptop",
      "away device-not-present volume pool",
      "away source-away source laptop:data of job photos",
      "away repository-away repository pool",
    ]);
  });

  test("says of what is on a volume that can be attached that a run attaches it", async ({
    signal,
  }) => {
    const attachable = { kind: "attachable", reason: "it is locked" } as const;
    await using fleet = await aFleet([laptopToNas], { volumes: { pool: attachable } });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), []);
    assert.equal(
      find(findings, "repository")?.message,
      "not examined: a run attaches volume pool first",
    );
  });

  test("takes a machine that goes away meanwhile for away, and a silent service for a fault", async ({
    signal,
  }) => {
    const silent = new HoldfastError("host-unreachable", "no answer");
    const repositories = { pool: silent, disk: silent };
    await using fleet = await aFleet([{ ...laptopToNas, copies: [":disk"] }], { repositories });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), [
      "away host-unreachable repository pool",
      "error host-unreachable repository disk",
    ]);
  });

  test("goes on with the other jobs when one cannot be looked at", async ({ signal }) => {
    const gone = new HoldfastError("host-unreachable", "the connection was cut");
    await using fleet = await aFleet(
      [
        { name: "broken", from: ":laptop", to: ":disk" },
        { name: "well", from: ":phone", to: ":usb" },
      ],
      { sources: { laptop: gone } },
    );

    const findings = await examine(fleet.program, ["broken", "well"], signal);

    assert.deepEqual(amiss(findings), ["away host-unreachable job broken"]);
    assert.ok(findings.some(({ subject }) => subject === "repository usb"));
  });

  test("says that a job is disabled, and looks at nothing of it", async ({ signal }) => {
    await using fleet = await aFleet([{ ...laptopToNas, disabled: true }]);

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), ["away job-disabled job photos"]);
    assert.deepEqual([...fleet.asked], []);
  });

  test("shows what an engine says of its repository, beside its snapshots", async ({ signal }) => {
    const finding: Finding = {
      code: "latest-invalid",
      severity: "error",
      subject: "repository pool",
      message: "latest leads nowhere",
    };
    await using fleet = await aFleet([laptopToNas], { examined: { pool: [finding] } });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), ["error latest-invalid repository pool"]);
    assert.equal(find(findings, "repository")?.message, "0 snapshots");
  });

  test("warns of little space, and says where to look over ssh", async ({ signal }) => {
    const pool = { kind: "mounted", path: "/srv/my pool", freeBytes: 1000 } as const;
    await using fleet = await aFleet([laptopToNas], { volumes: { pool } });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), ["warning space-low volume pool"]);
    assert.match(
      find(findings, "space-low")?.hint ?? "",
      /ssh backup@nas\.lan 'du -xh --max-depth=1 -- /,
    );
  });
});

suite("the tools that jobs need", () => {
  for (const [name, tools, expected, message] of [
    ["may be missing there", { "rsync on nas": 127 }, "tool-missing rsync on nas", /not found/],
    ["may be missing here", { "rsync on here": 1 }, "command-failed rsync", /rsync/],
    ["may not run there", { "rsync on nas": 126 }, "command-failed rsync on nas", /broken/],
    [
      "may be too old",
      { "rsync on nas": "rsync version 2.6.9" },
      "tool-too-old rsync on nas",
      /2\.6\.9; at least 3\.0\.0/,
    ],
    [
      "may only share a name",
      { "rsync on nas": "openrsync: protocol version 29\nrsync version 2.6.9 compatible" },
      "tool-unsuitable rsync on nas",
      /openrsync/,
    ],
  ] as const) {
    test(name, async ({ signal }) => {
      await using fleet = await aFleet([laptopToNas], { needs: [rsync], tools });

      const findings = await examine(fleet.program, ["photos"], signal);

      assert.deepEqual(amiss(findings), [`error ${expected}`]);
      assert.match(find(findings, expected.split(" ")[0] ?? "")?.message ?? "", message);
    });
  }

  test("may work, and be unsafe", async ({ signal }) => {
    const tools = { "rsync on nas": "rsync  version 3.2.7  protocol version 31" };
    await using fleet = await aFleet([laptopToNas], { needs: [rsync], tools });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), ["warning tool-outdated rsync on nas"]);
    const { message, hint } = find(findings, "tool-outdated") ?? {};
    assert.match(message ?? "", /3\.2\.7; 3\.4\.3 is advised: older ones let/);
    assert.equal(hint, "ssh -t backup@nas.lan 'sudo apt-get install rsync'");
  });

  test("are installed here with a command of this machine", async ({ signal }) => {
    const tools = { "rsync on here": "rsync version 2.6.9" };
    await using fleet = await aFleet([laptopToNas], { needs: [rsync], tools });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.equal(find(findings, "tool-too-old")?.hint, "sudo apt-get install rsync");
  });

  test("are needed on both sides of a copy", async ({ signal }) => {
    const job = { ...laptopToNas, copies: ["attic:vault"] };
    await using fleet = await aFleet([job], { needs: [rsync], tools: { rsync: 127 } });

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(
      findings.filter(({ severity }) => severity === "error").map(({ subject }) => subject),
      ["rsync on nas", "rsync", "rsync on attic"],
    );
  });
});

suite("the secrets that jobs need", () => {
  const text = JSON.stringify({
    repositories: { pool: { engine: "restic", at: "nas:pool", password: { env: "POOL" } } },
    notifiers: {
      phone: { type: "ntfy", topic: "t", token: { env: "PHONE" } },
      unused: { type: "ntfy", topic: "t", token: { env: "UNUSED" } },
    },
  });

  test("are those of their repositories and notifiers, and of nothing else", async ({ signal }) => {
    const asked: string[] = [];
    const secret = async (reference: object) => {
      asked.push(JSON.stringify(reference));
      return await Promise.resolve(new Secret("an ordinary password"));
    };
    await using fleet = await aFleet([{ ...laptopToNas, notify: ["phone"] }], { secret }, text);

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(asked.toSorted(), ['{"env":"PHONE"}', '{"env":"POOL"}']);
    assert.deepEqual(
      findings.filter(({ code }) => code === "secret").map(({ subject }) => subject),
      ["repositories.pool.password", "notifiers.phone.token"],
    );
  });

  test("are named once where they cannot be fetched, whatever else needs them", async ({
    signal,
  }) => {
    const unset = new HoldfastError("secret-unavailable", "the variable POOL is not set");
    const secret = async () => await Promise.reject(unset);
    const behaviour = { secret, repositories: { pool: unset } };
    await using fleet = await aFleet([laptopToNas], behaviour, text);

    const findings = await examine(fleet.program, ["photos"], signal);

    assert.deepEqual(amiss(findings), ["error secret-unavailable repositories.pool.password"]);
  });
});

suite("a source", () => {
  for (const [name, state, code] of [
    ["that is missing", { kind: "missing", reason: "/x does not exist" }, "source-missing"],
    ["that cannot be read", { kind: "unreadable", reason: "denied" }, "source-unreadable"],
    ["that is empty", { kind: "ready", empty: true }, "source-empty"],
  ] as const) {
    test(`${name} is named with the command that shows it`, async ({ signal }) => {
      const job: FleetJob = { name: "pull", from: "nas:pool", to: ":disk" };
      await using fleet = await aFleet([job], { sources: { pool: state } });

      const findings = await examine(fleet.program, ["pull"], signal);

      assert.match(
        find(findings, code)?.hint ?? "",
        /ssh backup@nas\.lan 'ls -ld -- \/mnt\/well\/data'$/,
      );
    });
  }
});
