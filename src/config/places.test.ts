import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  absolutePath,
  placeOf,
  placeOfRepository,
  volumeNameProblem,
  volumePath,
} from "./places.ts";

const surroundings = { volumes: ["usb", "nas"], home: "/home/me" };

suite("places", () => {
  for (const [text, place] of [
    ["/srv/data", { path: "/srv/data" }],
    ["~", { path: "/home/me" }],
    ["~/Documents", { path: "/home/me/Documents" }],
    ["usb:Documents", { volume: "usb", path: "Documents" }],
    ["usb:/Documents/", { volume: "usb", path: "Documents" }],
    ["usb:a/./b//c", { volume: "usb", path: "a/b/c" }],
    ["usb:", { volume: "usb", path: "" }],
    ["usb:.", { volume: "usb", path: "" }],
    ["usb:with: colon", { volume: "usb", path: "with: colon" }],
    ["/srv/with:colon", { path: "/srv/with:colon" }],
    ["C:\\Users\\me", { path: "C:\\Users\\me" }],
    ["c:/Users/me", { path: "c:/Users/me" }],
    ["\\\\server\\share", { path: "\\\\server\\share" }],
  ] as const) {
    test(`understands ${text}`, () => {
      assert.deepEqual(placeOf(text, surroundings), { place });
    });
  }

  for (const [text, message] of [
    ["Documents", /relative path/],
    ["./Documents", /relative path/],
    ["", /relative path/],
    ["~root/x", /only ~ alone/],
    ["usb:../other", /leads out of the volume/],
    ["usb:a/../../b", /leads out of the volume/],
    ["ubs:Documents", /no volume "ubs", did you mean "usb"/],
    ["floppy:Documents", /no volume "floppy"/],
    ["C:relative", /no volume "C"/],
  ] as const) {
    test(`refuses "${text}"`, () => {
      const placement = placeOf(text, surroundings);

      assert.match("message" in placement ? placement.message : "", message);
    });
  }

  test("shows how a folder of a volume is written", () => {
    const placement = placeOf("usb/Documents", surroundings);

    assert.match("hint" in placement ? (placement.hint ?? "") : "", /write usb:Documents/);
  });

  test("does not know volumes where only a path will do", () => {
    const placement = absolutePath("usb:excludes", "/home/me");

    assert.match("message" in placement ? placement.message : "", /relative path/);
  });
});

suite("places of repositories", () => {
  for (const at of [
    "s3:https://s3.example.org/bucket",
    "sftp:backup@nas:/srv/restic",
    "sftp://backup@nas/srv/restic",
    "rest:https://backup.example.org/",
    "rclone:remote:path",
    "b2:bucket:path",
  ]) {
    test(`leaves ${at} to the engine`, () => {
      assert.deepEqual(placeOfRepository({ at }, surroundings), { place: { path: at } });
    });
  }

  test("understands folders, also in the notation of restic", () => {
    const placements = [
      placeOfRepository({ at: "local:/srv/x", localPath: "/srv/x" }, surroundings),
      placeOfRepository({ at: "~/x", localPath: "~/x" }, surroundings),
      placeOfRepository({ at: "usb:x" }, surroundings),
      // Without the engine's help, because the rest of the repository is wrong.
      placeOfRepository({ at: "local:/srv/x" }, surroundings),
    ];

    assert.deepEqual(placements, [
      { place: { path: "/srv/x" } },
      { place: { path: "/home/me/x" } },
      { place: { volume: "usb", path: "x" } },
      { place: { path: "/srv/x" } },
    ]);
  });

  test("takes a service that is nearly right for a slip, unless a volume is as near", () => {
    const slips = [
      placeOfRepository({ at: "sftpp:host:/x" }, surroundings),
      placeOfRepository({ at: "nass:x" }, surroundings),
    ].map((placement) => ("message" in placement ? placement.message : ""));

    assert.match(slips[0] ?? "", /did you mean "sftp"/);
    assert.match(slips[1] ?? "", /did you mean "nas"/);
  });
});

function allowed(name: string, platform: NodeJS.Platform): boolean {
  return volumeNameProblem(name, platform) === undefined;
}

suite("names of volumes", () => {
  test("may not be those of services, nor drive letters on Windows", () => {
    assert.deepEqual(
      [
        allowed("s3", "linux"),
        allowed("SFTP", "linux"),
        allowed("d", "linux"),
        allowed("d", "win32"),
        allowed("usb", "win32"),
      ],
      [false, false, true, false, true],
    );
  });
});

suite("paths of volumes", () => {
  test("belong to the machine that the volume is on", () => {
    const placements = [
      volumePath({ path: "~/x" }, "/home/me"),
      volumePath({ path: "/srv", host: "nas" }, "/home/me"),
    ];

    assert.deepEqual(placements, [{ place: { path: "/home/me/x" } }, { place: { path: "/srv" } }]);
  });

  test("are absolute on another machine, where ~ is nothing that is known here", () => {
    for (const path of ["~", "~/backup", "backup"]) {
      const placement = volumePath({ path, host: "nas" }, "/home/me");

      assert.match("message" in placement ? placement.message : "", /on host "nas"/);
    }
  });
});
