#!/bin/sh
# debian-program.sh SUITE PACKAGE PROGRAM TARGET: puts PROGRAM of a Debian suite's PACKAGE
# at TARGET. Installs nothing and needs no root. May be started several times at once and interrupted
# anywhere: TARGET gets its name last.
set -eu

suite=$1 package=$2 program=$3 target=$4
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
  echo "$package of Debian $suite: $*" >&2
  exit 1
}

{ command -v apt-get && command -v dpkg; } >/dev/null || fail "this is no Debian"
[ -r "$keyring" ] || fail "there is no $keyring"

# The archive that this machine gets its packages from, whatever its own release.
archive=$(
  cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\{0,1\}\(http[^ ]*\).*/\2/p' |
    head -n 1
)

mkdir -p "${target%/*}"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists/partial"
echo "deb [signed-by=$keyring] ${archive:-http://deb.debian.org/debian} $suite main" >"$work/sources.list"

apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

apt update >"$work/log" 2>&1 || fail "$(tail -n 3 "$work/log")"
(cd "$work" && apt download "$package" >"$work/log" 2>&1) || fail "$(tail -n 3 "$work/log")"
dpkg -x "$work/$package"_*.deb "$work/files"
# Before Debian 13 some programs are in /bin, which is the same place once installed.
found="$work/files/usr/bin/$program"
[ -e "$found" ] || found="$work/files/bin/$program"
"$found" --help >/dev/null 2>"$work/log" || fail "$(tail -n 3 "$work/log")"
mv "$found" "$target"
