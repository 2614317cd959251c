import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readBlkid, readFstab, readLsblk, readMounts } from "./block-devices.ts";

suite("what the machine says of its devices", () => {
  test("is read with what is made of each", () => {
    const inside = { name: "luks-1", kname: "dm-0", path: "/dev/mapper/luks-1", type: "crypt" };
    const disk = { name: "sdb", kname: "sdb", path: "/dev/sdb", type: "disk", hotplug: true };
    const listing = { blockdevices: [{ ...disk, fstype: "crypto_LUKS", children: [inside] }] };

    const devices = readLsblk(JSON.stringify(listing));

    const seen = devices?.map(({ path, content, children, aliases, hotplug }) => [
      path,
      content,
      children,
      aliases,
      hotplug,
    ]);
    assert.deepEqual(seen, [
      ["/dev/sdb", "crypto_LUKS", ["/dev/mapper/luks-1"], ["/dev/sdb", "/dev/mapper/sdb"], true],
      ["/dev/mapper/luks-1", undefined, [], ["/dev/dm-0", "/dev/mapper/luks-1"], false],
    ]);
  });

  test("is not made up from what is not understood", () => {
    assert.equal(readLsblk(""), undefined);
    assert.equal(readLsblk('{"devices":[]}'), undefined);
  });

  test("is read from blkid where there is no udev", () => {
    const found = readBlkid(
      "DEVNAME=/dev/loop0\nLABEL=my\\ drive\nUUID=acdd2743-8573\nTYPE=btrfs\n\nDEVNAME=/dev/loop1\n",
    );

    const drive = { uuid: "acdd2743-8573", label: "my drive", partuuid: undefined };
    assert.deepEqual(found.get("/dev/loop0"), { ...drive, content: "btrfs" });
    assert.equal(found.get("/dev/loop1")?.uuid, undefined);
  });
});

suite("the table of mounts", () => {
  test("is read with blanks and line feeds in names", () => {
    const lines = [
      "43 27 0:39 / /mnt/a\\040b\\012c rw,relatime shared:1 - btrfs /dev/loop0 rw,subvol=/",
      "44 27 0:40 /@home /home ro,relatime - btrfs /dev/mapper/luks-1 rw",
      "45 27 0:41 / /srv rw - ext4 /dev/sdb1 ro,errors=remount-ro",
      "",
    ];

    const mounts = readMounts(lines.join("\n"));

    assert.deepEqual(mounts, [
      { source: "/dev/loop0", target: "/mnt/a b\nc", root: "/", readOnly: false },
      { source: "/dev/mapper/luks-1", target: "/home", root: "/@home", readOnly: true },
      { source: "/dev/sdb1", target: "/srv", root: "/", readOnly: true },
    ]);
  });

  test("to come is read without its remarks", () => {
    const fstab = "# <file system>\nUUID=1A2B-3C4D\t/mnt/my\\040drive vfat noauto 0 0\n\n";

    assert.deepEqual(readFstab(fstab), [{ source: "UUID=1A2B-3C4D", target: "/mnt/my drive" }]);
  });
});
