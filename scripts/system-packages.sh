#!/bin/sh
# system-packages.sh PACKAGE…: makes sure that these Debian packages are installed.
# Installs what is missing as root, or by sudo where that asks for no password. Otherwise it prints
# the one command to type and ends with 1. It starts no service: a policy forbids it meanwhile.
set -eu

say() { printf 'packages: %s\n' "$*" >&2; }

installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# The command that a person types to get these packages.
command_for() {
  if command -v sudo >/dev/null; then
    printf 'sudo apt-get update && sudo apt-get install --no-install-recommends %s' "$*"
  else
    printf "su -c 'apt-get update && apt-get install --no-install-recommends %s'" "$*"
  fi
}

policy=/usr/sbin/policy-rc.d
forbidden=no
tidy() {
  rm -f "$log"
  [ "$forbidden" = no ] || as_root rm -f "$policy"
}
forbid_services() {
  [ ! -e "$policy" ] || return 0
  forbidden=yes
  as_root sh -c "printf '#!/bin/sh\n# Written by Holdfast while it installs packages.\nexit 101\n' >$policy && chmod 755 $policy"
}

apt_get() { as_root apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "this is no Debian; get by its own means what these packages of Debian bring: $*"
  exit 1
fi
missing=
for package in "$@"; do
  installed "$package" || missing="$missing${missing:+ }$package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
  say "these packages of the system are missing: $missing"
  say "to install them type: $(command_for "$missing")"
  exit 1
fi

log=$(mktemp)
trap tidy EXIT
trap 'exit 130' INT TERM
forbid_services
say "installing $missing"
# shellcheck disable=SC2086 # names of packages hold no blanks
install_missing() { apt_get install --yes --no-install-recommends $missing; }
# The lists of packages may be absent, or older than what the archive has now.
if ! install_missing && ! { apt_get update && install_missing; }; then
  tail -n 15 "$log" >&2
  # Another release of Debian may lack one of them; the others are wanted all the same.
  wanted=$missing
  missing=
  for package in $wanted; do
    if apt-cache show "$package" >/dev/null 2>&1; then missing="$missing $package"; fi
  done
  [ "$missing" = " $wanted" ] || [ -z "$missing" ] || install_missing || true
  say "could not install all of: $wanted"
  exit 1
fi
