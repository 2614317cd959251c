#!/bin/sh
# npm run quickstart [-- DIR] [--into FOLDER]: from a fresh clone to a restore that is compared with what
# was backed up. This part makes a Node; scripts/quickstart.ts does the rest.
set -eu
root=$(CDPATH='' cd -- "${0%/*}/.." && pwd)
sh "$root/scripts/bootstrap.sh"
exec "$root/.runtime/bin/node" "$root/scripts/quickstart.ts" "$@"
