#!/bin/sh
# npm run coverage: how much of the rooms that decide is covered by their own tests; less than 95 % of
# the lines is a failure.
set -eu
cd "${0%/*}/.."
sh scripts/bootstrap.sh
# shellcheck disable=SC2046 # paths of test files hold no blanks
exec .runtime/bin/node --test --test-reporter=spec --experimental-test-coverage \
  --test-coverage-include='src/kernel/**' --test-coverage-include='src/policy/**' \
  --test-coverage-include='src/config/**' --test-coverage-include='src/jobs/**' \
  --test-coverage-exclude='**/*.test.ts' --test-coverage-lines=95 \
  $(find src/kernel src/policy src/config src/jobs -name '*.test.ts')
