#!/bin/sh
# Proves that a clone works on a machine that has only git, an old Node and npm: a minimal Debian made
# with debootstrap. Not part of `npm test`, for it takes minutes and root.
#
#   sh test/bare-root/run.sh [WHAT…]
#
#   quickstart        `npm run quickstart`, twice, as root
#   quickstart-user   the same as a user without sudo: prints the command for restic; then with restic
#   quickstart-sudo   the same as a user whom sudo asks for no password
#   offline           without a network: says so, and goes on when there is one again
#   test              .ci/run as root, which is `npm test` with CI=true
#   test-user         `npm test` as a user without sudo: what needs a missing tool is skipped
#   shell             a shell in such a machine, in the clone
#
# What is committed is what is tried. The Debian is made once in $BARE_ROOT (default
# /var/tmp/holdfast-bare-root) and kept; every trial writes into a layer of its own above it.
set -eu

repository=$(CDPATH='' cd -- "${0%/*}/../.." && pwd)
base=${BARE_ROOT:-/var/tmp/holdfast-bare-root}

say() { printf '\n==== %s\n' "$*"; }

[ "$(id -u)" -eq 0 ] || {
  echo "bare-root: needs root" >&2
  exit 1
}

# Everything happens in namespaces of its own: no process and no mount outlives them, and what is removed
# afterwards, out here, cannot be a mounted part of the real system.
if [ "${BARE_ROOT_LAYERS:-}" = "" ]; then
  mkdir -p "$base"
  BARE_ROOT_LAYERS=$(mktemp -d "$base/layers.XXXXXX")
  export BARE_ROOT_LAYERS
  status=0
  unshare --mount --pid --fork --kill-child --propagation private sh "$0" "$@" || status=$?
  rm -rf --one-file-system "$BARE_ROOT_LAYERS"
  exit "$status"
fi

# Gives a root the real one's way to the archives and registries; nothing of it is in the repository.
copy_network_settings() {
  cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
  : >"$1/etc/apt/sources.list"
  [ ! -f /etc/apt/sources.list ] || cp /etc/apt/sources.list "$1/etc/apt/"
  [ ! -f /etc/apt/sources.list.d/debian.sources ] ||
    cp /etc/apt/sources.list.d/debian.sources "$1/etc/apt/sources.list.d/"
  for directory in apt.conf.d auth.conf.d; do
    for file in /etc/apt/"$directory"/*; do
      case $file in
        */\* | *docker* | *packagekit* | *appstream* | *farm*) ;;
        *) cp "$file" "$1/etc/apt/$directory/" ;;
      esac
    done
  done
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
  {
    echo "registry=$(npm config get registry)"
    echo "cafile=/etc/ssl/certs/ca-certificates.crt"
    [ ! -f "$HOME/.npmrc" ] || grep -E '^(//|proxy|https-proxy|noproxy)' "$HOME/.npmrc" || true
  } >"$1/etc/npmrc"
}

enter() { chroot "$1" env -i HOME="${2:-/root}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb sh -c "$3"; }

mount_kernel() {
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount --rbind /dev "$1/dev"
}

make_base() {
  [ ! -e "$base/root.done" ] || return 0
  command -v debootstrap >/dev/null || sh "$repository/scripts/system-packages.sh" debootstrap
  archive=$(awk '/^URIs:/ { print $2; exit } /^deb / { print $2; exit }' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null)
  say "making a minimal Debian in $base"
  mkdir -p "$base"
  # Left by an interrupted attempt; nothing is mounted in it, for mounts end with their namespace.
  rm -rf --one-file-system "$base/root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$base/root" "$archive" >"$base/log" 2>&1
  copy_network_settings "$base/root"
  (
    unshare --mount --propagation private sh -c "
      mount -t proc proc $base/root/proc && mount --rbind /dev $base/root/dev &&
      chroot $base/root env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get update && apt-get install -y --no-install-recommends git nodejs npm && apt-get clean &&
        rm -rf /var/lib/apt/lists/* && useradd --create-home --shell /bin/sh newcomer'"
  ) >>"$base/log" 2>&1
  touch "$base/root.done"
}

# new_machine: a fresh layer over the base, with a clone for root and one for the user.
new_machine() {
  # On the file system of the base: else files and folders of the overlay would have different devices.
  layer=$(mktemp -d "$BARE_ROOT_LAYERS/layer.XXXXXX")
  machine=$layer/root
  mkdir "$layer/upper" "$layer/work" "$machine"
  mount -t overlay -o "lowerdir=$base/root,upperdir=$layer/upper,workdir=$layer/work" overlay "$machine"
  copy_network_settings "$machine"
  mount_kernel "$machine"
  git -C "$repository" bundle create --quiet "$machine/holdfast.bundle" HEAD --branches
  enter "$machine" /root 'git -c advice.detachedHead=false clone -q /holdfast.bundle ~/holdfast'
  as_user 'git -c advice.detachedHead=false clone -q /holdfast.bundle ~/holdfast'
  say "node $(enter "$machine" /root 'node --version'), npm $(enter "$machine" /root 'npm --version')"
}

as_root() { enter "$machine" /root "$1"; }
as_user() { enter "$machine" /home/newcomer "cd; setpriv --reuid=newcomer --regid=newcomer --init-groups sh -c '$1'"; }

try_quickstart() {
  say "quickstart as root"
  as_root 'cd ~/holdfast && npm run quickstart'
  say "quickstart again"
  as_root 'cd ~/holdfast && npm run quickstart'
}

try_quickstart_user() {
  say "quickstart as a user without sudo: must end with 1 and print the command"
  status=0
  as_user 'cd holdfast && npm run quickstart' || status=$?
  [ "$status" -eq 1 ]
  say "quickstart as a user, once restic is there"
  as_root 'apt-get -qq update && apt-get -qq install -y --no-install-recommends restic >/dev/null 2>&1'
  as_user 'cd holdfast && npm run quickstart'
  as_user 'cd holdfast && npm run quickstart'
}

try_quickstart_sudo() {
  as_root 'apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo >/dev/null 2>&1'
  as_root 'echo "newcomer ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/newcomer'
  say "quickstart as a user with sudo"
  as_user 'cd holdfast && npm run quickstart'
}

try_offline() {
  say "quickstart without a network: must end with 1 and say so"
  status=0
  unshare --net chroot "$machine" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c 'cd ~/holdfast && npm run quickstart' || status=$?
  [ "$status" -eq 1 ]
  try_quickstart
}

try_test() {
  say "npm test"
  # Some tests become another user, who cannot enter the home of root.
  as_root 'mv ~/holdfast /srv && cd /srv/holdfast && bash .ci/run'
}

try_test_user() {
  say "npm test as a user without sudo"
  as_user 'cd holdfast && npm test'
}

[ $# -gt 0 ] || set -- quickstart quickstart-user quickstart-sudo offline test
make_base
for what in "$@"; do
  new_machine
  case $what in
    quickstart) try_quickstart ;;
    quickstart-user) try_quickstart_user ;;
    quickstart-sudo) try_quickstart_sudo ;;
    offline) try_offline ;;
    test) try_test ;;
    test-user) try_test_user ;;
    shell) as_root 'cd ~/holdfast && exec sh' ;;
    *)
      echo "bare-root: unknown: $what" >&2
      exit 2
      ;;
  esac
done
say "bare root: all as promised"
