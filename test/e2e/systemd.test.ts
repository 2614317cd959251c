// Whether systemd itself understands our units, and what it thinks of their hardening.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { holdfastProgram } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const packaging = resolve(import.meta.dirname, "../../packaging/systemd");

const systemUnits = [
  "holdfast.service",
  "holdfast-recover.service",
  "holdfast-run.service",
  "holdfast-run.timer",
] as const;
const userUnits = ["user/holdfast.service"] as const;

/** Of 10, where 0 is best: a service that everything else must trust, as it reads all files. */
const mostExposure = 4;

let folder: string;

/** Copies a unit as the guide says, so that it starts this clone's program. */
async function install(unit: string, change: (text: string) => string = String): Promise<string> {
  const text = await readFile(join(packaging, unit), "utf8");
  const file = join(folder, unit);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, change(text.replaceAll("/usr/bin/holdfast", holdfastProgram)));
  return file;
}

function analyze(...words: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync("systemd-analyze", words, {
    encoding: "utf8",
    // The manager of a user, which `--user` asks as if it were one, wants a folder of its own.
    env: { PATH: process.env["PATH"], HOME: folder, XDG_RUNTIME_DIR: folder },
  });
}

/** What systemd complains of in these files. Up to 252 it does not say so by its exit status. */
function complaintsAbout(words: readonly string[], ...files: readonly string[]): readonly string[] {
  const { stdout, stderr, status } = analyze(...words, "verify", "--man=no", ...files);
  const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  const ours = files.map((file) => basename(file));
  const complaints = lines.filter((line) => ours.some((name) => line.includes(name)));
  return status === 0 || complaints.length > 0 ? complaints : lines;
}

suite("systemd", { skip: withoutTools("systemd-analyze") }, () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-units-"));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  test("is asked about every unit there is", async () => {
    const files = await readdir(packaging, { recursive: true, withFileTypes: true });

    assert.deepEqual(
      files
        .filter((file) => file.isFile())
        .map(({ parentPath, name }) => join(parentPath, name).slice(packaging.length + 1))
        .toSorted(),
      [...systemUnits, ...userUnits].toSorted(),
    );
  });

  test("finds nothing wrong with the units of the system", async () => {
    const files = await Promise.all(systemUnits.map(async (unit) => await install(unit)));

    assert.deepEqual(complaintsAbout([], ...files), []);
  });

  test("finds nothing wrong with the unit of a user", async () => {
    const files = await Promise.all(userUnits.map(async (unit) => await install(unit)));

    assert.deepEqual(complaintsAbout(["--user"], ...files), []);
  });

  const mistakes: readonly (readonly [string, string, string])[] = [
    ["a misspelt key", "Restart=", "Retsart="],
    ["a value that is none", "Type=notify", "Type=notfy"],
    ["a program that is missing", `ExecStart=${holdfastProgram}`, "ExecStart=/nowhere/holdfast"],
    ["a system call that is none", "SystemCallFilter=@system-service", "SystemCallFilter=opne"],
  ];
  for (const [mistake, right, wrong] of mistakes) {
    test(`would find ${mistake}`, async () => {
      const file = await install("holdfast.service", (text) => text.replace(right, wrong));

      assert.notDeepEqual(complaintsAbout([], file), []);
    });
  }

  test("understands when the timer elapses: every five minutes", async () => {
    const text = await readFile(join(packaging, "holdfast-run.timer"), "utf8");
    const times = [...text.matchAll(/^OnCalendar=(.*)$/gm)].map(([, time = ""]) => time);

    assert.equal(times.length, 1);
    const { stdout, status } = analyze("calendar", ...times);
    assert.equal(status, 0);
    assert.match(stdout, /Normalized form: \*-\*-\* \*:00\/5:00/);
    assert.notEqual(analyze("calendar", "*:0/banana").status, 0);
  });

  for (const unit of systemUnits.filter((name) => name.endsWith(".service"))) {
    test(`thinks that ${unit} is hardened`, async (t) => {
      const file = await install(unit);

      const { stdout } = analyze("security", "--offline=yes", "--no-pager", file);

      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
      t.diagnostic(`exposure of ${unit}: ${exposure} of 10, at most ${mostExposure}`);
      assert.ok(exposure <= mostExposure, stdout);
    });
  }
});
