# Words for a scenario, which runs inside the machine as root. Prints one line for each thing that was
# seen: `ok NAME`, or `not ok NAME`, with all that led to it above.
share=$(CDPATH='' cd -- "${0%/*}" && pwd)
mkdir -p /share
mount --bind "$share" /share
exec >>/share/log 2>&1
touch /usr/local/bin/node
mount --bind "/host$(cat /share/node)" /usr/local/bin/node
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root NO_COLOR=1
wishes=0

# Asks the world outside, and waits until it has done it.
wish() {
  wishes=$((wishes + 1))
  echo "$*" >"/share/wish-$wishes.part"
  mv "/share/wish-$wishes.part" "/share/wish-$wishes"
  while [ ! -e "/share/answer-$wishes" ]; do sleep 0.1; done
  echo "# $*: $(cat "/share/answer-$wishes")"
}

# plug SLOT DRIVE: a drive of that name appears, as /dev/SLOT.
plug() {
  wish plug "$1" "$2"
  until [ -b "/dev/$1" ]; do sleep 0.1; done
  udevadm settle
}

# unplug SLOT: it is gone, as far as the machine lets it go.
unplug() {
  udevadm settle
  wish unplug "$1"
  udevadm settle
}

holdfast() { node /share/dist/holdfast.cjs "$@"; }

# The same as the ordinary user, who has nothing of root's.
as_user() {
  setpriv --reuid=user --regid=user --init-groups --reset-env env PATH="$PATH" NO_COLOR=1 \
    XDG_STATE_HOME=/home/user/state "$@"
}
user_holdfast() { as_user node /share/dist/holdfast.cjs "$@"; }

# check NAME COMMAND…: whether it succeeds.
check() {
  name=$1
  shift
  if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}

# exits STATUS COMMAND…: whether it ends with that status; what it says is in $said and the log.
exits() {
  expected=$1
  shift
  "$@" >/tmp/said 2>&1 && status=0 || status=$?
  sed 's/^/#   /' /tmp/said
  said=$(cat /tmp/said)
  [ "$status" -eq "$expected" ] || {
    echo "#   exit status $status instead of $expected"
    return 1
  }
}

says() { grep -qE -e "$1" /tmp/said; }
not() { ! "$@"; }
mounted() { grep -q " $1 " /proc/self/mountinfo; }

. /share/scenario.sh
echo "THE END"
