import assert from "node:assert/strict";
import { access, mkdir, readdir, rename } from "node:fs/promises";
import { suite, test } from "node:test";
import { withoutTools } from "../../test/support/tools.ts";
import { Workplace } from "../../test/support/workplace.ts";
import { initJobs } from "./init.ts";
import { planInit } from "./init-plan.ts";

const { signal } = new AbortController();

const password = { file: "FOLDER/password" };
const disk = { engine: "restic", at: "FOLDER/disk", password };
const usb = { engine: "restic", at: "usb:repository", password };
const documents = { sources: ["FOLDER/data"], repository: "disk", copies: ["usb"] };

async function withCopy(): Promise<Workplace> {
  return await Workplace.open({
    volumes: { usb: { path: "FOLDER/usb" } },
    repositories: { disk, usb },
    jobs: { documents },
  });
}

suite("init", { skip: withoutTools("restic") }, () => {
  test("says beforehand what it would make, with the commands, and makes nothing", async () => {
    await using place = await withCopy();

    const planned = await planInit(place.program, ["documents"], signal);

    assert.deepEqual(
      planned.map(({ kind, name, path, planned: missing, created }) => {
        return { kind, name, path, missing, created };
      }),
      [
        { kind: "volume", name: "usb", path: place.at("usb/.holdfast-volume") },
        { kind: "repository", name: "disk", path: place.at("disk") },
        { kind: "repository", name: "usb", path: place.at("usb/repository") },
      ].map((each) => ({ ...each, missing: true, created: false })),
    );
    const commands = planned.map((report) => report.commands?.join("\n") ?? "");
    assert.equal(commands[0], `touch -- ${place.at("usb/.holdfast-volume")}`);
    assert.match(commands[1] ?? "", /^RESTIC_PASSWORD=\*\*\* .*restic .* init/);
    assert.deepEqual(await readdir(place.at("usb")), []);
    await assert.rejects(access(place.at("disk")));
  });

  test("makes what it said, and has nothing more to make then", async () => {
    await using place = await withCopy();
    const planned = await planInit(place.program, ["documents"], signal);

    const made = await initJobs(place.program, ["documents"], signal);

    assert.deepEqual(
      made.map(({ name, created, path, commands }) => ({ name, created, path, commands })),
      planned.map(({ name, path, commands }) => ({ name, created: true, path, commands })),
    );
    const later = await planInit(place.program, ["documents"], signal);
    assert.deepEqual(
      later.map(({ planned: missing, message }) => [missing, message]),
      [
        [undefined, "volume usb is marked already"],
        [undefined, "repository disk exists already"],
        [undefined, "repository usb exists already"],
      ],
    );
  });

  test("names the command that marks a new drive where the old one's marker is missing", async () => {
    await using place = await withCopy();
    await initJobs(place.program, ["documents"], signal);
    await rename(place.at("usb"), place.at("unplugged"));
    await mkdir(place.at("usb"));

    const reports = [
      await planInit(place.program, ["documents"], signal),
      await initJobs(place.program, ["documents"], signal),
    ];

    for (const [volume] of reports) {
      assert.equal(volume?.away, true);
      assert.match(volume.message, /was marked before/);
      const command = `touch -- ${place.at("usb/.holdfast-volume")}`;
      assert.ok(volume.hint?.endsWith(command), volume.hint);
    }
    assert.deepEqual(await readdir(place.at("usb")), []);
  });

  test("makes the rest when one thing cannot be made, and says why", async () => {
    await using place = await Workplace.open({
      repositories: {
        locked: { ...disk, at: "FOLDER/locked", password: { env: "HOLDFAST_UNSET" } },
        disk,
      },
      jobs: {
        first: { sources: ["FOLDER/data"], repository: "locked" },
        documents: { sources: ["FOLDER/data"], repository: "disk" },
      },
    });

    const reports = await initJobs(place.program, ["first", "documents"], signal);

    assert.deepEqual(
      reports.map(({ name, created, code, exitStatus }) => ({ name, created, code, exitStatus })),
      [
        { name: "locked", created: false, code: "secret-unavailable", exitStatus: 1 },
        { name: "disk", created: true, code: undefined, exitStatus: undefined },
      ],
    );
  });
});
