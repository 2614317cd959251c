#!/bin/sh
# capture.sh BTRFS VERSION SOURCE TARGET: writes what this btrfs prints on two mounted disks into this folder.
set -eu
btrfs=$1 version=$2 source=$3 target=$4
out=$(cd "$(dirname "$0")" && pwd)
export TZ=UTC LC_ALL=C

"$btrfs" subvolume create "$source/home" >/dev/null
"$btrfs" subvolume create "$source/home/nested" >/dev/null
mkdir "$source/kept"
head -c 100000 /dev/zero | tr '\0' a >"$source/home/file"
"$btrfs" subvolume snapshot -r "$source/home" "$source/kept/one" >/dev/null
"$btrfs" subvolume snapshot -r "$source/home" "$source/kept/two
lines" >/dev/null
"$btrfs" subvolume create "$source/got" >/dev/null
"$btrfs" send -q "$source/kept/one" | "$btrfs" receive -v "$target" 2>"$out/receive-$version.err"
"$btrfs" send -q "$target/one" | "$btrfs" receive -q "$source/got"
"$btrfs" subvolume list -c -p -u -q -R "$source" >"$out/list-$version.txt"
"$btrfs" subvolume list -r "$source" >"$out/list-read-only-$version.txt"
"$btrfs" subvolume list -s "$source" >"$out/list-times-$version.txt"
"$btrfs" subvolume show "$source/got/one" >"$out/show-$version.txt"
"$btrfs" scrub start -B "$source" >/dev/null
"$btrfs" scrub status -R "$source" >"$out/scrub-$version.txt"
