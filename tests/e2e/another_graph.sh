#!/usr/bin/env bash
# A Graph that shares no code and no assumption with the sandbox. First with everything failing at once, then a listing that never
# completes, a change between listing and delta link, and last a clean run at the floor of requests.
. "$(dirname "$0")/lib.sh"
person() { printf '00000000-0000-4000-8000-%012d\n' $((1000000 + $1)); }
new_organization() { rollcall org add --name "$1" --group $group --json | jq -r .id; }
restart_graph() {  # restart_graph [option…]: another directory, so another tenant and other accounts
  kill -TERM "$pid_another_graph" "$pid_member_sync"
  wait "$pid_another_graph" "$pid_member_sync" || true
  MS_AUTH_TENANT_ID=tenant-$RANDOM$RANDOM
  : >"$work/another_graph.out"
  start_another_graph "$@"
  start_worker member-sync
}
members() { control members/$group | jq -r '.[]'; }
changes_of_ours() { control log | jq -r '.[] | select(.by == "app") | "\(.op) \(.member)"' | sort; }
audited_changes() {  # audited_changes ORG
  sql "SELECT replace(replace(action, 'member_added', 'add'), 'member_removed', 'remove') || ' ' || member_object_id
         FROM audit.events WHERE organization_id = '$1' AND member_object_id IS NOT NULL" | sort
}
until_settled() {  # until_settled SECONDS RUN
  until_true "$1" "the run settled" eval '[[ "$(sql "SELECT state FROM ops.runs WHERE id = '"'$2'"'")" =~ succeeded|failed ]]'
}

# 1. Everything at once. People 0 to 2899 are on the roster, 1500 to 2999 in the group; one of them is a guest whom the group refuses,
# one an account that does not exist. While the worker reads, somebody else adds 0 to 2 and removes 2990.
directory 3000 1500
jq --arg ghost "$(person 7)" '.users[5].userType = "Guest" | .groups[0].forbids_guests = true | .users |= map(select(.id != $ghost))' \
  "$work/seed.json" >"$work/seed.tmp" && mv "$work/seed.tmp" "$work/seed.json"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
seed=${ROLLCALL_TEST_SEED:-7}
echo "faults are drawn from seed $seed (ROLLCALL_TEST_SEED)"
start_another_graph --secret "$MS_AUTH_SECRET" --faults all --seed "$seed" --lag-ms 300 --token-seconds 20
control faults -d "$(jq -n --arg g $group --argjson rates "$(PYTHONPATH=$ROLLCALL_SOURCE/tests/fakes/another_graph PYTHONDONTWRITEBYTECODE=1 python3 -c \
  'import faults, json; print(json.dumps(faults.ALL))')" --arg a "$(person 0)" --arg b "$(person 1)" --arg c "$(person 2)" --arg d "$(person 2990)" \
  '{rates: $rates, rules: [{match: "^PATCH", do: "serve", then: {group: $g, add: [$a, $b, $c], remove: [$d]}}]}')" >/dev/null
for worker in member-sync audit-writer scheduler; do start_worker $worker; done
org=$(new_organization "Everything fails")
rollcall policy "$org" set --removal mirror >/dev/null
roster 0 2899
sed -i "1s/\$/,object_id/; 2,\$s/\$/,/; s/^person7@.*/&$(person 7)/" "$work/roster.csv"
rollcall roster import "$org" "$work/roster.csv" >/dev/null
answer=$(rollcall sync "$org" --wait --json --timeout 400) || true
jq -c '[.state, .result]' <<<"$answer"
run=$(jq -r .job_id <<<"$answer")
until_settled 200 "$run"
control stats | jq -c .faults
members | sort >"$work/members"
for ((i = 0; i < 2900; i++)); do [ $i = 5 ] || [ $i = 7 ] || person $i; done | sort >"$work/expected"
diff "$work/expected" "$work/members" >"$work/difference" || fail "the group is not the roster: $(head -5 "$work/difference")"
equal "$(control stats | jq -c .users_deleted)" "[]" "user objects deleted"
equal "$(sql "SELECT result->>'failed' FROM ops.runs WHERE id = '$run'")" 2 "refused: the guest, and who does not exist"
changes_of_ours >"$work/changes"
equal "$(uniq -d "$work/changes" | wc -l)" 0 "changes made twice"
until_true 60 "every change is audited" eval '[ "$(audited_changes '"$org"' | wc -l)" -ge "$(wc -l <"$work/changes")" ]'
audited_changes "$org" >"$work/audited"
equal "$(uniq -d "$work/audited" | wc -l)" 0 "changes audited twice"
equal "$(comm -23 "$work/changes" "$work/audited" | wc -l)" 0 "changes without an audit event"
# What somebody else did at the same moment may be taken for ours where no answer told; nothing else may.
comm -13 "$work/changes" "$work/audited" | grep -vE "$(person 0)|$(person 1)|$(person 2)|$(person 2990)" && fail "audited, but not done"

# A second run over delta links that expire, repeat and come in empty pages finds the same.
rollcall sync "$org" --wait --json --timeout 200 | jq -c .result
equal "$(changes_of_ours | wc -l)" "$(wc -l <"$work/changes")" "changes after a second sync"

# 2. A listing that never completes changes nothing, however much the roster lost.
directory 3000 3000
restart_graph --secret "$MS_AUTH_SECRET" --faults '{"rules":[{"match":"GET /groups/[^/]+/members.*skiptoken","do":"break","times":1000000}]}'
org=$(new_organization "Never listed")
rollcall policy "$org" set --removal mirror >/dev/null
roster 0 2899
rollcall roster import "$org" "$work/roster.csv" >/dev/null
run=$(rollcall sync "$org" --json | jq -r .job_id)
until_true 120 "the page failed again and again" eval '[ "$(control stats | jq .faults.rule)" -ge 6 ]'
equal "$(control log)" "[]" "changes after an incomplete listing"
[ "$(sql "SELECT state FROM ops.runs WHERE id = '$run'")" != succeeded ] || fail "a sync without a listing cannot succeed"

# 3. The answer with the delta link is lost, and a stranger comes in before it is asked for again: he is seen all the same, and kept.
directory 300 200
restart_graph --secret "$MS_AUTH_SECRET" --faults "$(jq -n --arg g $group --arg s "$(person 99)" '{rules: [
  {match: "deltatoken=latest", do: "lose"}, {match: "GET /groups/[^/]+/members", do: "serve", then: {group: $g, add: [$s]}}]}')"
org=$(new_organization "Stranger")
roster 100 299
rollcall roster import "$org" "$work/roster.csv" >/dev/null
rollcall sync "$org" --wait --json --timeout 60 | jq -c .result
equal "$(rollcall sync "$org" --wait --json --timeout 60 | jq -c '.result | [.added,.removed,.unmatched,.failed]')" "[0,0,1,0]" "a stranger who came in meanwhile"
equal "$(members | wc -l)" 201 "members under the policy keep"

# 4. Nothing fails: 4,500 people into a group of 500, at the floor of requests.
directory 5000 500
restart_graph --secret "$MS_AUTH_SECRET"
org=$(new_organization "Clean")
roster 0 4999
rollcall roster import "$org" "$work/roster.csv" >/dev/null
answer=$(rollcall sync "$org" --wait --json --timeout 120)
equal "$(jq -c '[.state, (.result | .added, .removed, .failed)]' <<<"$answer")" '["succeeded",4500,0,0]' "result"
equal "$(members | wc -l)" 5000 "members of the group"
# Floor: one batch to read the group, 334 filters in 17 batches, 225 PATCHes in 12 batches; counted by the server.
at_most "$(control stats | jq .counts.http)" 31 "HTTP requests (floor 30)"
at_most "$(control stats | jq .writes)" 229 "writes (floor 225)"
echo "another_graph: passed"
