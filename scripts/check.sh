#!/bin/sh
# npm run check: format, lint, types, dead code, generated files and unit tests, in seconds.
# Does all of it, whatever fails, and names at the end what failed.
set -eu
cd "${0%/*}/.."

sh scripts/bootstrap.sh
PATH=$PWD/.runtime/bin:$PWD/node_modules/.bin:$PATH
export PATH

failed=
step() {
  name=$1
  shift
  if output=$("$@" 2>&1); then
    echo "check: $name: ok"
  else
    printf '%s\ncheck: %s: FAILED\n' "$output" "$name"
    failed="$failed $name"
  fi
}

unit_tests() {
  # shellcheck disable=SC2046 # paths of test files hold no blanks
  node --test --test-reporter=dot --test-timeout=300000 \
    $(find src test scripts -name '*.test.ts' ! -name '*.contract.test.ts' ! -path 'test/e2e/*')
}

# With CI in the environment these two colour what they say, whatever NO_COLOR wants.
step format env -u CI oxfmt --check
step lint env -u CI oxlint --type-aware --quiet --deny-warnings
step types tsc --noEmit
step dead-code knip
step generated node scripts/generate-reference.ts --check
[ "${1:-}" = --without-tests ] || step unit-tests unit_tests
[ -z "$failed" ] || {
  echo "check: failed:$failed"
  exit 1
}
