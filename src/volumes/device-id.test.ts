import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { carries, parseDeviceId, writtenId } from "./device-id.ts";

suite("the id of a drive", () => {
  for (const [form, text, written] of [
    ["a long UUID", "5941f273-f73c-44c5-a3ef-fae7248db1b6", undefined],
    ["the short one of FAT and exFAT", "1A2B-3C4D", undefined],
    ["the one of NTFS", "01D7A4E6B2C8F930", undefined],
    ["one in the notation of fstab", "UUID=1A2B-3C4D", "UUID=1A2B-3C4D"],
    ["a label", "LABEL=My drive", "LABEL=My drive"],
    ["the id of a partition of a PC", "PARTUUID=1234abcd-01", "PARTUUID=1234abcd-01"],
  ] as const) {
    test(`may be ${form}`, () => {
      const id = parseDeviceId(text);

      assert.ok(id);
      assert.equal(writtenId(id), written ?? `UUID=${text}`);
    });
  }

  for (const text of ["", "usb", "/dev/sdb1", "1A2B3C4D", "5941f273", "LABEL=", "PARTUUID=x"]) {
    test(`is not "${text}"`, () => {
      assert.equal(parseDeviceId(text), undefined);
    });
  }

  test("is the same in capital and small letters, but for a label", () => {
    const device = { uuid: "1A2B-3C4D", label: "Backup", partuuid: "ABCD-01" };

    const found = ["1a2b-3c4d", "PARTUUID=abcd-01", "LABEL=Backup", "LABEL=backup"].map((text) => {
      const id = parseDeviceId(text);
      return id !== undefined && carries(device, id);
    });

    assert.deepEqual(found, [true, true, true, false]);
  });
});
