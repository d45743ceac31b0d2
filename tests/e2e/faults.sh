#!/usr/bin/env bash
# A Graph where three calls in ten fail (429, 5xx, lost parts, connections cut after a write, pages that break off): the group
# ends equal to the roster, nobody is removed for a listing that was incomplete, each change is audited once.
. "$(dirname "$0")/lib.sh"
directory 3000 1500
start_graph --seed-file "$work/seed.json" --consistency-lag-ms 500
graph faults -d '{"rate":0.3,"status":[429,500,502,503,504],"cut_after_write_rate":0.1,"drop_part_rate":0.1,"page_fail_rate":0.3,"patch_503_above":5}' >/dev/null
rollcall migrate >/dev/null
rollcall topics create >/dev/null
for worker in member-sync audit-writer scheduler; do start_worker $worker; done
org=$(rollcall org add --name "Faults" --group $group --json | jq -r .id)
rollcall policy "$org" set --removal mirror >/dev/null
roster 0 2899  # 1,500 to add, 100 of 1,500 to remove
rollcall roster import "$org" "$work/roster.csv" >/dev/null
answer=$(rollcall sync "$org" --wait --json --timeout 300)
jq -c .result <<<"$answer"
graph groups/$group/members | jq -r '(.members // .value // .)[] | if type == "object" then .id else . end' | sort >"$work/members"
jq -r '.users[:2900][].id' "$work/seed.json" | sort >"$work/expected"
cmp "$work/members" "$work/expected" || fail "the group is not the roster"
run=$(jq -r .job_id <<<"$answer")
until_true 60 "every change is audited" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE run_id = '"'$run'"'")" -ge 1600 ]'
equal "$(sql "SELECT count(*), count(DISTINCT member_object_id) FROM audit.events WHERE run_id = '$run'")" "1600|1600" "audited changes"
equal "$(graph stats | jq .removed_users)" 0 "user objects deleted"
echo "faults: passed"
