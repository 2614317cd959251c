#!/bin/bash
# start DIR S3_PORT MON_PORT | stop DIR
# A Ceph RADOS gateway on loopback with one user, its data in memory: real S3, nothing left behind.
set -eu
verb=$1
D=$2

# The gateway ends before the monitor it talks to, or it would hang.
stop() {
  for name in rgw mgr.x osd.0 mon.a; do
    file=$D/run/$name.pid
    [ -f "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do
      [ "$(ps -o stat= -p "$pid" | cut -c1)" ] || break
      [ "$(ps -o stat= -p "$pid" | cut -c1)" != Z ] || break
      sleep .1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
}

if [ "$verb" = stop ]; then
  stop
  exit 0
fi
trap 'stop' ERR

port=$3
monitor=$4
C=$D/ceph.conf
K=$D/keyring
mkdir -p "$D"/{mon,osd0,mgr,run,log,rgw}
fsid=$(cat /proc/sys/kernel/random/uuid)
cat > "$C" <<X
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$monitor/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $K
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
auth allow insecure global id reclaim = false
mon data avail crit = 1
mon data avail warn = 2
run dir = $D/run
admin socket = $D/run/\$name.asok
pid file = $D/run/\$name.pid
log file = $D/log/\$name.log
ms bind ipv6 = false
[mon.a]
mon data = $D/mon
[osd]
osd objectstore = memstore
memstore device bytes = 1073741824
osd data = $D/osd0
osd class load list = *
osd class default list = *
[mgr.x]
mgr data = $D/mgr
[client.rgw]
rgw data = $D/rgw
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw dns name = localhost
rgw enable usage log = false
pid file = $D/run/rgw.pid
X
ceph-authtool --create-keyring "$K" --gen-key -n mon. --cap mon 'allow *' >/dev/null
for name in client.admin client.rgw osd.0 mgr.x; do
  ceph-authtool "$K" --gen-key -n $name --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
done
monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor]" "$D/monmap" >/dev/null
ceph-mon -c "$C" -i a --mkfs --monmap "$D/monmap" --keyring "$K"
ceph-mon -c "$C" -i a
osd=$(cat /proc/sys/kernel/random/uuid)
ceph -c "$C" --connect-timeout 20 osd new "$osd" >/dev/null
ceph-osd -c "$C" -i 0 --mkfs --osd-uuid "$osd" >/dev/null 2>&1
ceph-osd -c "$C" -i 0 2>/dev/null
ceph-mgr -c "$C" -i x
for _ in $(seq 100); do
  ceph -c "$C" osd stat | grep -q '1 up' && break
  sleep .1
done
radosgw -c "$C" -n client.rgw
radosgw-admin -c "$C" user create --uid=test --display-name=test \
  --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY" >/dev/null
for _ in $(seq 200); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && exit 0
  sleep .1
done
echo "the gateway did not answer on port $port" >&2
exit 1
