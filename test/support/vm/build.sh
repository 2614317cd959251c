#!/bin/sh
# build.sh TARGET: makes at TARGET the disk of a small Debian with systemd, udev, udisks, polkit and
# cryptsetup, to be started by user-mode Linux (linux.uml). Takes about a minute and root. May be
# interrupted anywhere: TARGET gets its name last.
#
# The machine sees the whole file system of its host at /host. Once it is up it runs the script whose
# path stands in the kernel's command line as `scenario=PATH`, and goes down when that has ended.
set -eu

target=$1

fail() {
  echo "machine for tests: $*" >&2
  exit 1
}

# The archive that this machine gets its packages from.
archive=$(
  cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\{0,1\}\(http[^ ]*\).*/\2/p' |
    head -n 1
)
packages=systemd,systemd-sysv,libpam-systemd,dbus,udev,kmod,polkitd,udisks2,udisks2-btrfs
packages=$packages,libblockdev-crypto2,libblockdev-fs2,libblockdev-part2,libstdc++6
packages=$packages,cryptsetup-bin,btrfs-progs,dosfstools,rsync,procps,psmisc,openssh-client

mkdir -p "${target%/*}"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root

debootstrap --variant=minbase --include="$packages" bookworm "$root" \
  "${archive:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || fail "$(tail -n 3 "$work/log")"

mkdir -p "$root/lib/modules" "$root/host"
cp -a /usr/lib/uml/modules/* "$root/lib/modules/"
echo '/dev/ubda / ext4 rw 0 1' >"$root/etc/fstab"
echo holdfast-drives >"$root/etc/hostname"
# In this order: dm-crypt does not load before the ciphers.
printf '%s\n' cbc xts ecb aes_generic sha256_generic dm-mod dm-crypt btrfs vfat nls_cp437 nls_ascii \
  >"$root/etc/modules-load.d/drives.conf"
# What rules of systemd do for the disks of other machines.
cat >"$root/etc/udev/rules.d/90-ubd.rules" <<'RULES'
KERNEL=="ubd*", SUBSYSTEM=="block", IMPORT{builtin}="blkid", ENV{ID_FS_UUID_ENC}=="?*", SYMLINK+="disk/by-uuid/$env{ID_FS_UUID_ENC}"
RULES
cat >"$root/etc/systemd/system/host.mount" <<'UNIT'
[Mount]
What=none
Where=/host
Type=hostfs
Options=/
UNIT
cat >"$root/etc/systemd/system/scenario.service" <<'UNIT'
[Unit]
Requires=host.mount
After=host.mount dbus.service systemd-udevd.service systemd-user-sessions.service

[Service]
ExecStart=/bin/sh -c 'for word in $(cat /proc/cmdline); do case $word in scenario=*) exec sh "$${word#scenario=}" ;; esac; done'
ExecStopPost=/usr/bin/systemctl poweroff --no-block

[Install]
WantedBy=multi-user.target
UNIT
ln -s ../scenario.service "$root/etc/systemd/system/multi-user.target.wants/scenario.service"
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \
  getty@tty1.service e2scrub_reap.service systemd-timesyncd.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
chroot "$root" useradd --create-home --shell /bin/sh user

truncate -s 1500M "$work/disk"
mkfs.ext4 -q -F -E lazy_itable_init=1 -d "$root" "$work/disk"
mv "$work/disk" "$target"
