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
grep -q 'added 16, removed 0, unmatched 4' <<<"$first" || fail "the first run adds the 16 who were missing"
grep -q 'added 0, removed 0, unmatched 4' <<<"$second" || fail "the second run finds no drift"
grep -q 'nothing changed: 250 people' <<<"$second" || fail "the same roster again changes nothing"
export ROLLCALL_QUIET=1
trap 'ops/stop' EXIT
ops/run --detach >/dev/null 2>&1 || fail "ops/run --detach ended with $?"
ops/run --once >/dev/null 2>&1 && fail "a second ops/run beside a running one is refused"
(. .rollcall/env && [ "$(rollcall audit list --limit 1000 --json | jq '[.. | .action? // empty | select(. == "member_added")] | length')" = 16 ]) || fail "the audit trail names the 16"
(. .rollcall/env && tests/e2e/mcp_clients.sh) || fail "the official MCP clients"
victim=$(cat .rollcall/pids/member-sync)
kill -KILL "$victim"
for _ in $(seq 100); do sleep 0.1; now=$(cat .rollcall/pids/member-sync); [ "$now" != "$victim" ] && kill -0 "$now" 2>/dev/null && break; done
[ "$now" != "$victim" ] || fail "a process that dies is started again"
(. .rollcall/env && rollcall sync --all --wait >/dev/null) || fail "a sync after the restart"
echo "run_once: passed"
