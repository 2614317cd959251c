# What a drive goes through, from a new one to one that fails under a backup. Sourced by words.sh.

passphrase='correct horse'
uuid=$(cat /share/uuid)
mapper=luks-$uuid

# A drive as its owner has made it: LUKS with btrfs inside, writable for the user.
plug ubdb usb
printf %s "$passphrase" >/tmp/passphrase
check 'the drive can be prepared' cryptsetup open --key-file /tmp/passphrase /dev/ubdb "$mapper"
mkfs.btrfs -q "/dev/mapper/$mapper"
mount "/dev/mapper/$mapper" /mnt
chown user /mnt
umount /mnt
udevadm trigger --subsystem-match=block
udevadm settle
cryptsetup close "$mapper"
udevadm settle

locked() { not test -e "/dev/mapper/$mapper"; }
in_use() { findmnt --noheadings --source "/dev/mapper/$mapper"; }

mkdir -p /home/user/.config/holdfast /home/user/Documents
echo "of value" >/home/user/Documents/file
printf %s "$passphrase" >/home/user/.config/holdfast/drive
cat >/home/user/.config/holdfast/holdfast.yaml <<YAML
volumes:
  usb: { device: $uuid, unlock: { luks: { file: ~/.config/holdfast/drive } } }
  stick: { device: 1A2B-3C4D, marker: false }
repositories:
  documents: { engine: rsync, at: "usb:documents", snapshots: hard-links, acls: false, xattrs: false }
  slow: { engine: rsync, at: "usb:slow", snapshots: hard-links, acls: false, xattrs: false }
jobs:
  documents: { sources: ["/home/user/Documents"], repository: documents }
  slow:
    sources: ["/home/user/Documents"]
    repository: slow
    hooks:
      before: [[sh, -c, "touch /tmp/begun; while [ ! -e /tmp/go ]; do sleep 0.1; done"]]
YAML
chown -R user: /home/user
chmod -R go= /home/user/.config

# until_begun PID: until the run has come to its hook, or has ended before.
until_begun() {
  while [ ! -e /tmp/begun ] && kill -0 "$1" 2>/dev/null; do sleep 0.1; done
}

# Nothing is allowed yet.
check 'without a rule of polkit, attaching fails' exits 1 user_holdfast volumes attach usb
check 'and says how to get one' says 'polkit-rule'
check 'and leaves the drive locked' locked
user_holdfast doctor documents >/tmp/said 2>&1
check 'doctor misses the rule before anything has failed' says 'without being asked for a password'

user_holdfast volumes polkit-rule >/tmp/rule
check 'the rule is for who asks' grep -q 'subject.user === "user"' /tmp/rule
holdfast volumes polkit-rule --user user >/etc/polkit-1/rules.d/50-holdfast.rules
check 'the rule is the same from root' cmp /tmp/rule /etc/polkit-1/rules.d/50-holdfast.rules
systemctl restart polkit
user_holdfast doctor documents >/tmp/said 2>&1
check 'and not when it is there' not says 'without being asked for a password'

# The life of a drive.
check 'a drive that is plugged in is told' exits 0 user_holdfast volumes
check 'as such' says 'usb +plugged in'
check 'the marker is written' exits 0 user_holdfast init documents
check 'and the drive is locked after it' locked
check 'a user backs up to a locked drive' exits 0 user_holdfast run documents
check 'and the drive is locked after that' locked
check 'nothing is left to recover' exits 0 user_holdfast recover
check 'as it says' says 'nothing to recover'

# By hand.
check 'a drive can be attached by hand' exits 0 user_holdfast volumes attach usb
check 'and stays so' in_use
target=$(findmnt -n -o TARGET --source "/dev/mapper/$mapper")
check 'the backup is on it' test -f "$target/documents/latest/file"
check 'a run uses it' exits 0 user_holdfast run documents
check 'and leaves it attached' in_use
check 'the list says so' exits 0 user_holdfast volumes
check 'with what ends it' says 'until: holdfast volumes detach usb'
check 'a drive can be detached by hand' exits 0 user_holdfast volumes detach usb
check 'and is locked then' locked

# Somebody else's.
as_user udisksctl unlock -b /dev/ubdb --key-file /home/user/.config/holdfast/drive
as_user udisksctl mount -b "/dev/mapper/$mapper"
check 'a run uses what somebody has mounted' exits 0 user_holdfast run documents
check 'and leaves it mounted' in_use
check 'detaching leaves it too' exits 0 user_holdfast volumes detach usb
check 'mounted as it was' in_use
as_user udisksctl unmount -b "/dev/mapper/$mapper"
check 'a run mounts what was only unlocked' exits 0 user_holdfast run documents
check 'and unmounts it' not in_use
check 'and leaves it unlocked' test -e "/dev/mapper/$mapper"
as_user udisksctl lock -b /dev/ubdb

# The wrong passphrase.
printf wrong >/home/user/.config/holdfast/drive
check 'a wrong passphrase fails' exits 12 user_holdfast run documents
check 'and is told' says 'the passphrase of volume "usb" is wrong'
check 'and leaves the drive locked after it' locked
printf %s "$passphrase" >/home/user/.config/holdfast/drive

# A process that is killed.
rm -f /tmp/begun /tmp/go
user_holdfast init slow >/dev/null 2>&1
setpriv --reuid=user --regid=user --init-groups --reset-env env PATH="$PATH" XDG_STATE_HOME=/home/user/state \
  node /share/dist/holdfast.cjs run slow >/tmp/killed 2>&1 &
pid=$!
until_begun "$pid"
check 'the drive is mounted during a run' in_use
kill -9 "$pid"
wait "$pid" || true
check 'a killed run leaves it mounted' in_use
check 'recovering works' exits 0 user_holdfast recover
check 'and names the volume' says 'volume usb'
check 'and locks the drive' locked

# A drive that fails in the middle, as one that is pulled out does: every access is an error.
rm -f /tmp/begun /tmp/go
user_holdfast run slow >/tmp/failing 2>&1 &
pid=$!
until_begun "$pid"
size=$(blockdev --getsz "/dev/mapper/$mapper")
dmsetup load "$mapper" --table "0 $size error"
dmsetup suspend --noflush --nolockfs "$mapper"
dmsetup resume "$mapper"
unplug ubdb
touch /tmp/go
wait "$pid" && status=0 || status=$?
sed 's/^/#   /' /tmp/failing
check 'a run whose drive was pulled out fails' test "$status" -eq 1
check 'and says that the drive is to blame' grep -q 'volume "usb" went away' /tmp/failing
check 'what it left can be recovered' exits 0 user_holdfast recover
check 'so that nothing of the drive is left' locked

# Away.
check 'a run without the drive is no failure' exits 0 user_holdfast run documents
check 'it is skipped with the reason' says 'no drive with'
check 'with --strict it is told by the exit status' exits 75 user_holdfast run --strict documents

# Back again.
plug ubdb usb
check 'with the drive back other runs go through' exits 0 user_holdfast run documents
check 'and the drive is locked once more' locked
check 'what failed goes on as before' exits 0 user_holdfast run slow
check 'and is found sound' exits 0 user_holdfast check slow --read-data

# A stick with FAT has a short id, and nothing of it is encrypted.
plug ubdc stick
mkfs.vfat -i 1A2B3C4D /dev/ubdc >/dev/null
udevadm trigger --subsystem-match=block
udevadm settle
check 'a stick with FAT is attached by its short id' exits 0 user_holdfast volumes attach stick
check 'and mounted' mounted /media/user/1A2B-3C4D
check 'and detached' exits 0 user_holdfast volumes detach stick
check 'and not mounted then' not mounted /media/user/1A2B-3C4D

# Root, without udisks.
systemctl stop udisks2
mkdir -p /etc/holdfast
cat >/etc/holdfast/holdfast.yaml <<YAML
volumes:
  usb: { device: $uuid, path: /mnt/usb, mount: direct, unlock: { luks: { file: /home/user/.config/holdfast/drive } } }
repositories:
  system: { engine: rsync, at: "usb:system", snapshots: btrfs, acls: false, xattrs: false }
jobs:
  system: { sources: ["/home/user/Documents"], repository: system }
YAML
check 'root needs no udisks to mark the drive' exits 0 holdfast init
check 'and backs up to it' exits 0 holdfast run
check 'and locks it' locked
check 'at the path that is configured' exits 0 holdfast volumes attach usb
check 'as asked' mounted /mnt/usb
check 'with its snapshots' test -f /mnt/usb/system/latest/file
check 'until it is detached' exits 0 holdfast volumes detach usb
check 'for good' locked
check 'and udisks was not started for it' not systemctl is-active --quiet udisks2
