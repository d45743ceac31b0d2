#!/usr/bin/env bash
# 5,000 people into a group of 500: nothing fails, then the floor of requests; the second sync finds no drift; the empty roster;
# bad input; audit.
. "$(dirname "$0")/lib.sh"
directory 5000 500
start_graph --seed-file "$work/seed.json" --consistency-lag-ms 8000
rollcall migrate >/dev/null
rollcall topics create >/dev/null
for worker in member-sync audit-writer scheduler; do start_worker $worker; done
org=$(rollcall org add --name "Five thousand" --group $group --json | jq -r .id)
roster 0 4999
rollcall roster import "$org" "$work/roster.csv" >/dev/null
equal "$(rollcall roster import "$org" "$work/roster.csv" --json | jq -c '[.added,.changed,.departed]')" "[0,0,0]" "the same file again changes nothing"
answer=$(rollcall sync "$org" --wait --json --timeout 120)
echo "$answer" | jq -c .result
equal "$(jq -r .state <<<"$answer")" succeeded "state"
equal "$(jq -c '.result|[.added,.removed,.already_member,.unresolved,.failed]' <<<"$answer")" "[4500,0,500,0,0]" "result"
equal "$(graph groups/$group/members | jq -r '(.members // .value // .) | length')" 5000 "members of the group"
# Floor: one batch to read the group, 334 filters in 17 batches, 225 PATCHes in 12 batches.
at_most "$(jq .result.requests.http <<<"$answer")" 31 "HTTP requests (floor 30)"
at_most "$(jq .result.requests.writes <<<"$answer")" 229 "writes (floor 225)"
again=$(rollcall sync "$org" --wait --json --timeout 60)
equal "$(jq -c '.result|[.added,.removed,.unmatched,.failed]' <<<"$again")" "[0,0,0,0]" "a second sync right away, before Graph shows the writes"
at_most "$(jq .result.requests.http <<<"$again")" 2 "HTTP requests of a sync without drift"
until_true 30 "every change is in the audit trail" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE action = '"'member_added'"' AND organization_id = '"'$org'"'")" = 4500 ]'
equal "$(sql "SELECT count(DISTINCT member_object_id) FROM audit.events WHERE action = 'member_added' AND graph_request_id <> '' AND organization_id = '$org'")" 4500 "audited members with Graph's request id"

# An empty roster never empties the group without approval, whatever the policy.
rollcall policy "$org" set --removal mirror >/dev/null
echo email,display_name,role >"$work/empty.csv"
rollcall roster import "$org" "$work/empty.csv" >/dev/null
code=0; answer=$(rollcall sync "$org" --wait --json --timeout 60) || code=$?
equal "$code" 4 "exit code of a sync that needs approval"
equal "$(jq -r .state <<<"$answer")" needs_approval "state of a sync with an empty roster"
equal "$(graph groups/$group/members | jq -r '(.members // .value // .) | length')" 5000 "members after a refused emptying"
rollcall runs reject "$(jq -r .job_id <<<"$answer")" >/dev/null

# A big removal is held until somebody approves exactly that plan.
roster 0 2999
rollcall roster import "$org" "$work/roster.csv" >/dev/null
code=0; answer=$(rollcall sync "$org" --wait --json --timeout 60) || code=$?
equal "$code" 4 "exit code of a guarded removal"
run=$(jq -r .job_id <<<"$answer")
rollcall runs approve "$run" >/dev/null
until_true 120 "the approved run succeeded" eval '[ "$(rollcall runs show '"$run"' --json | jq -r ".state // .run.state")" = succeeded ]'
equal "$(graph groups/$group/members | jq -r '(.members // .value // .) | length')" 3000 "members after the approved removal"

# Bad input changes nothing and says where.
printf 'email,display_name,role\nok@contoso.example,Ok,member\nnot-an-address,X,member\n' >"$work/bad.csv"
code=0; message=$(rollcall roster import "$org" "$work/bad.csv" 2>&1) || code=$?
[ "$code" -ne 0 ] && grep -q 'line 3' <<<"$message" || fail "a bad roster names its line: $message"
equal "$(sql "SELECT count(*) FROM directory.members WHERE departed_at IS NULL")" 3000 "roster after a refused import"
code=0; rollcall sync 00000000-0000-4000-8000-00000000dead 2>/dev/null || code=$?
equal "$code" 3 "exit code for an unknown organization"
echo "sync: passed"
