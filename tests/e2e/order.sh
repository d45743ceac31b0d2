#!/usr/bin/env bash
# Two runs of one organization, the older one interrupted in the middle of its plan: the newer one waits for it, and each change is audited once.
. "$(dirname "$0")/lib.sh"
directory 300 0
start_graph --seed-file "$work/seed.json"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
for worker in member-sync audit-writer; do start_worker $worker; done
org=$(rollcall org add --name "Order" --group $group --json | jq -r .id)
roster 0 199
rollcall roster import "$org" "$work/roster.csv" >/dev/null
state() { sql "SELECT state FROM ops.runs WHERE id = '$1'"; }
# Every change is refused for the moment; without a scheduler the first run stays in its wait.
graph faults -d '{"patch_503_above":0,"status":[503]}' >/dev/null
first=$(rollcall sync "$org" --json | jq -r .job_id)
until_true 60 "the first run waits" eval '[ "$(state '"$first"')" = waiting ]'
graph faults -d '{}' >/dev/null
second=$(rollcall sync "$org" --full-read --json | jq -r .job_id)
until_true 60 "the second run was looked at" eval '[[ "$(state '"$second"')" =~ waiting|succeeded ]]'
equal "$(sql "SELECT state, error_code FROM ops.runs WHERE id = '$second'")" "waiting|run_ahead" "the second run while the first has changes to make"
rollcall sync "$org" --dry-run --wait --timeout 60 >/dev/null || fail "a dry run changes nothing and waits for nobody"
start_worker scheduler
for run in "$first" "$second"; do until_true 60 "run $run settled" eval '[ "$(state '"$run"')" = succeeded ]'; done
equal "$(sql "SELECT result->'added' FROM ops.runs WHERE id = '$first'")" 200 "added by the first"
equal "$(sql "SELECT result->'added' FROM ops.runs WHERE id = '$second'")" 0 "added by the second"
until_true 60 "every change is audited" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE action = '"'member_added'"' AND organization_id = '"'$org'"'")" -ge 200 ]'
equal "$(sql "SELECT count(*) FROM audit.events WHERE action = 'member_added' AND organization_id = '$org'")" 200 "additions audited"
echo "order: passed"
