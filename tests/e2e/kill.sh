#!/usr/bin/env bash
# kill -9 of member-sync in the middle of a plan, with a Graph that fails, cuts connections after writes and throttles: after the restart the
# run finishes, the group is right, nobody is touched that the plan did not name, and each change is audited once.
. "$(dirname "$0")/lib.sh"
directory 6000 1000
start_graph --seed-file "$work/seed.json" --latency-ms 40
graph faults -d '{"rate":0.05,"status":[500,503,504],"cut_after_write_rate":0.05,"drop_part_rate":0.05}' >/dev/null
rollcall migrate >/dev/null
rollcall topics create >/dev/null
start_worker audit-writer
start_worker scheduler
start_worker member-sync
org=$(rollcall org add --name "Killed" --group $group --json | jq -r .id)
rollcall policy "$org" set --removal mirror >/dev/null
roster 0 5899  # 4,900 missing of 5,900, the first 5,000 absent; 100 of the 1,000 present go
rollcall roster import "$org" "$work/roster.csv" >/dev/null
run=$(rollcall sync "$org" --json | jq -r .job_id)
until_true 60 "the run is in the middle of its plan" eval '[ "$(sql "SELECT count(*) FROM sync.checkpoints")" -ge 2 ]'
kill -KILL $pid_member_sync
echo "killed after $(sql "SELECT count(*) FROM sync.checkpoints") checkpoints; state $(sql "SELECT state FROM ops.runs WHERE id = '$run'")"
equal "$(sql "SELECT state FROM ops.runs WHERE id = '$run'")" running "state of the run whose worker was killed"
start_worker member-sync
until_true 180 "the run settled" eval '[ "$(sql "SELECT state FROM ops.runs WHERE id = '"'$run'"'")" = succeeded ]'
sql "SELECT result FROM ops.runs WHERE id = '$run'"
graph groups/$group/members | jq -r '(.members // .value // .)[] | if type == "object" then .id else . end' | sort >"$work/members"
jq -r '.users[:5900][].id' "$work/seed.json" | sort >"$work/expected"
cmp "$work/members" "$work/expected" || fail "the group is not the roster"
until_true 60 "every change is audited" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE run_id = '"'$run'"'")" -ge 5100 ]'
equal "$(sql "SELECT count(*) FROM audit.events WHERE action = 'member_added' AND organization_id = '$org'")" 5000 "additions audited"
equal "$(sql "SELECT count(*) FROM audit.events WHERE action = 'member_removed' AND organization_id = '$org'")" 100 "removals audited"
equal "$(sql "SELECT count(*) FROM (SELECT 1 FROM audit.events WHERE organization_id = '$org' GROUP BY action, member_object_id HAVING count(*) > 1) d")" 0 "changes audited twice"
echo "kill: passed"
