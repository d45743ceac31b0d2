#!/usr/bin/env bash
# ops/run --once as a new user types it, twice: the first removes the sample's drift, the second finds none.
set -euo pipefail
cd "${ROLLCALL_SOURCE:?}"
unset DATABASE_URL KAFKA_BROKERS MS_GRAPH_URL ROLLCALL_TEST_DATABASE_URL
export ROLLCALL_PRESET=dev
fail() { echo "FAILED: $*" >&2; tail -n 20 .rollcall/log/*.log >&2; exit 1; }
first=$(ops/run --once --fresh 2>&1) || fail "the first run ended with $?: $first"
echo "$first"
second=$(ops/run --once 2>&1) || fail "the second run ended with $?: $second"
echo "$second"
grep -qiE 'added +15|15 added|added[: ]+15' <<<"$first" || fail "the first run adds the 15 who were missing"
grep -qiE 'added +0|0 added|added[: ]+0|no drift' <<<"$second" || fail "the second run finds no drift"
echo "run_once: passed"
