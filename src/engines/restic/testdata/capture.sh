#!/bin/bash
# capture.sh RESTIC VERSION: writes what this restic prints in the situations that the tests look at,
# as CASE-VERSION.txt (standard output) and CASE-VERSION.err (standard error) beside this file. Needs
# root, for a full disk and a name of its own for the machine.
set -u
if [ "${CAPTURING:-}" = "" ]; then
  CAPTURING=yes exec unshare --mount --uts --propagation private bash "$0" "$@"
fi
hostname laptop
here=$(cd "$(dirname "$0")" && pwd)
program=$(readlink -f "$1") version=$2
work=/tmp/capture
rm -rf $work && mkdir $work && mount -t tmpfs -o mode=755 tmpfs $work && cd $work || exit 1
export RESTIC_PASSWORD=example RESTIC_PROGRESS_FPS=2

restic() { "$program" --no-cache "$@"; }
keep() { # CASE COMMAND…
  local case=$1
  shift
  "$@" >"$here/$case-$version.txt" 2>"$here/$case-$version.err"
  echo "$case: $?"
  # The address of this machine's name server is nobody's business.
  sed -i 's/ on [0-9.]*:53:/ on 192.0.2.53:53:/' "$here/$case-$version.err"
  [ -s "$here/$case-$version.txt" ] || rm "$here/$case-$version.txt"
  [ -s "$here/$case-$version.err" ] || rm "$here/$case-$version.err"
}
largest() { find "$1" -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2; }
flip() { chmod u+w "$1" && printf '\xff\xff' | dd of="$1" bs=1 seek=50 conv=notrunc 2>/dev/null; }

mkdir -p home/notes home/private
echo one >home/notes/one
echo two >"home/notes/$(printf 'two\nlines')"
head -c 3000000 /dev/urandom >home/large
echo key >home/private/key && chmod 700 home/private
echo key >home/notes/closed && chmod 600 home/notes/closed
chmod 755 . home

keep init restic -r repository init --json
keep exists restic -r repository init --json
keep missing restic -r nowhere snapshots --json
RESTIC_PASSWORD=another keep wrong-password restic -r repository snapshots --json
keep backup restic -r repository backup --json --tag holdfast:documents,daily $work/home
chmod -R a+rwX repository
keep unreadable setpriv --reuid=65534 --regid=65534 --clear-groups "$program" --no-cache \
  -r repository backup --json --force --tag holdfast:documents $work/home
keep skipped restic -r repository backup --json $work/home/notes $work/gone
keep all-skipped restic -r repository backup --json $work/gone
keep snapshots restic -r repository snapshots --json
keep find restic -r repository find --json 'two*'
keep unknown-flag restic -r repository backup --json --no-such-flag $work/home
keep unknown-level restic -r repository backup --json --compression hardest $work/home

restic init -q --json -r empty >/dev/null
keep no-snapshots restic -r empty snapshots --json
mapfile -t ids < <(restic -r repository snapshots --json | jq -r 'sort_by(.time)[].id')
RESTIC_FROM_PASSWORD=example keep copy restic -r empty copy --json --from-repo repository -- "${ids[@]}"
keep copied restic -r empty snapshots --json
keep forget restic -r empty forget --json -- 0000000000000000000000000000000000000000000000000000000000000000
restic -r empty forget --json "$(restic -r empty snapshots --json | jq -r '.[0].id')" >/dev/null
keep prune restic -r empty prune --json

first=${ids[0]}
keep restore restic -r repository restore --json --target restored -- "$first"
keep no-such-snapshot restic -r repository restore --json --target restored -- 0000000000000000000000000000000000000000000000000000000000000000
keep whole restic -r repository check --json --read-data
cp -a repository damaged && flip "$(largest damaged/data)"
keep damaged restic -r damaged check --json --read-data
keep restore-damaged restic -r damaged restore --json --target damaged-restored -- "$first"
rm -rf damaged && cp -a repository damaged && flip damaged/config
keep damaged-config restic -r damaged snapshots --json
rm -rf damaged && cp -a repository damaged && for file in damaged/index/*; do flip "$file"; done
keep damaged-index restic -r damaged check --json
rm -rf damaged && cp -a repository damaged && rm damaged/config damaged/snapshots/*
keep interrupted-init restic -r damaged init --json

(sleep 20 | exec "$program" --no-cache -r repository backup --stdin --json >/dev/null) &
until [ "$(ls repository/locks)" ]; do sleep .1; done
keep locks restic -r repository list --no-lock --json locks
keep lock restic -r repository cat --no-lock --json lock "$(ls repository/locks)"
keep locked restic -r repository prune --json
kill "$(jq .pid "$here/lock-$version.txt")"

mkdir full && mount -t tmpfs -o size=2m tmpfs full
restic -r full/repository init >/dev/null
keep full restic -r full/repository backup --json $work/home
umount full

# Those that are tried again and again: their first words are enough.
mkdir read-only && mount -t tmpfs tmpfs read-only && cp -a repository read-only/ && rm -f read-only/repository/locks/*
mount -o remount,ro read-only
keep read-only timeout 3 "$program" --no-cache -r read-only/repository backup --json $work/home
keep unreachable timeout 12 "$program" --no-cache -r rest:http://127.0.0.1:1/ snapshots --json
keep no-such-host timeout 12 "$program" --no-cache -r rest:http://backup.invalid/ snapshots --json
keep unreachable-ssh timeout 12 "$program" --no-cache -r sftp://127.0.0.1:1//srv snapshots --json
wait
