#!/bin/sh
# npm test [-- PATTERN…]: installs all that the tests need and runs everything: the checks, then every
# test in one run of Node's test runner. With patterns only the test files whose path holds one of them.
set -eu
cd "${0%/*}/.."

sh scripts/bootstrap.sh
PATH=$PWD/.runtime/bin:$PATH
export PATH

# shellcheck disable=SC2046 # names of packages hold no blanks
sh scripts/system-packages.sh $(sed 's/#.*//' scripts/test-packages.txt) ||
  echo "test: without them some tests are skipped (with CI=true they fail)" >&2

# Node's test runner sorts them itself.
test_files() {
  find src scripts test -name '*.test.ts'
}

matching() {
  if [ $# -eq 0 ]; then
    cat
  else
    for pattern in "$@"; do set -- "$@" -e "$pattern" && shift; done
    grep -F "$@"
  fi
}
files=$(test_files | matching "$@") || {
  echo "test: no test file matches: $*" >&2
  exit 1
}

node scripts/build.ts
checked=0
[ $# -gt 0 ] || sh scripts/check.sh --without-tests || checked=$?

# Most tests wait for a tool more than they compute, so a few more at once than there are cores.
# shellcheck disable=SC2086 # paths of test files hold no blanks
node --test --test-reporter=spec --test-timeout=900000 \
  --test-concurrency=$(($(getconf _NPROCESSORS_ONLN) + 1)) $files || exit
[ "$checked" -eq 0 ] || echo "test: the tests pass, and the checks before them failed" >&2
exit "$checked"
