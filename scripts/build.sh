#!/bin/sh
# npm run build [-- --clean]: writes dist/. bin/holdfast does it by itself; this is for publishing.
set -eu
cd "${0%/*}/.."
sh scripts/bootstrap.sh
exec .runtime/bin/node scripts/build.ts "$@"
