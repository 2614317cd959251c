import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { contains, locationKey, locationOf } from "./location.ts";

const bases = new Map([
  ["usb", { path: "/mnt/usb" }],
  ["nas", { host: "nas", path: "/srv/backup" }],
  ["drive", {}],
  ["far", { host: "nas" }],
]);

suite("equal places", () => {
  test("have one spelling", () => {
    const spellings = [
      { volume: "usb", path: "restic" },
      { path: "/mnt/usb/restic/" },
      { path: "/mnt/../mnt//usb/./restic" },
    ].map((place) => locationKey(locationOf(place, bases)));

    assert.equal(new Set(spellings).size, 1);
  });

  test("are told apart where they are not equal", () => {
    const spellings = [
      { path: "/" },
      { path: "/srv/backup/a" },
      { volume: "usb", path: "" },
      { path: "s3:https://s3.example.org/a" },
      { path: "s3:https://s3.example.org/b" },
      { volume: "nas", path: "a" },
      { volume: "drive", path: "a" },
      { volume: "far", path: "a" },
      { volume: "unknown", path: "a" },
    ].map((place) => locationKey(locationOf(place, bases)));

    assert.equal(new Set(spellings).size, spellings.length);
  });
});

function inside(outer: object, inner: object): boolean {
  return contains(
    locationOf({ path: "", ...outer }, bases),
    locationOf({ path: "", ...inner }, bases),
  );
}

suite("a place inside another", () => {
  test("is told by whole names of folders", () => {
    assert.deepEqual(
      [
        inside({ path: "/srv" }, { path: "/srv/a" }),
        inside({ path: "/srv" }, { path: "/srv" }),
        inside({ path: "/" }, { path: "/srv" }),
        inside({ path: "/srv/a" }, { path: "/srv/ab" }),
        inside({ path: "/srv/a" }, { path: "/srv" }),
      ],
      [true, true, true, false, false],
    );
  });

  test("is on the same machine", () => {
    assert.equal(inside({ path: "/srv" }, { volume: "nas", path: "a" }), false);
    assert.equal(inside({ volume: "nas", path: "a" }, { volume: "nas", path: "a/b" }), true);
  });

  test("is known on a drive that is found by its device", () => {
    assert.equal(inside({ volume: "drive" }, { volume: "drive", path: "a" }), true);
    assert.equal(inside({ volume: "drive" }, { volume: "usb", path: "a" }), false);
  });

  test("is not looked for at services", () => {
    const bucket = "s3:https://s3.example.org/a";

    assert.equal(inside({ path: bucket }, { path: `${bucket}/b` }), false);
  });
});
