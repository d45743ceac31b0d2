#!/usr/bin/env bash
# Every state of a linked group, through the command line, Kafka, a schedule's tick and the worker: what is deleted is told apart, a link goes
# only after the second look, which comes by itself, and one command links again. A kill in the middle of a sweep loses nothing.
. "$(dirname "$0")/lib.sh"
id() { printf '%s-0000-4000-8000-%012x' "$1" "$2"; }
jq -cn '
  def hex: if . < 16 then "0123456789abcdef"[.:. + 1] else (. / 16 | floor | hex) + (. % 16 | hex) end;
  def id(p): p + "-0000-4000-8000-" + (("000000000000" + hex)[-12:]);
  {generate: {users: 60, groups: [range(1; 41) | {id: id("00000002"), members: 2, owners: (if . == 1 then [] else [1 | id("00000001")] end),
    kind: ({"2": "dynamic", "3": "on_premises", "4": "mail_security", "5": "role_assignable", "8": "security"}["\(.)"] // "microsoft365")}]}}' >"$work/seed.json"
start_graph --seed-file "$work/seed.json"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
export ROLLCALL_SECOND_LOOK_AFTER=2s
for worker in group-health scheduler audit-writer; do start_worker $worker; done
sql "INSERT INTO directory.organizations (id, tenant_id, name, microsoft_group, updated_at)
       SELECT ('0000000f-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, '$MS_AUTH_TENANT_ID', 'Organization ' || i,
              ('00000002-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, now() - interval '1 day' FROM generate_series(1, 40) i"
state() { rollcall health --json | jq -r ".[] | select(.organization_id == \"$(id 0000000f "$1")\") | .state"; }
linked() { sql "SELECT microsoft_group FROM directory.organizations WHERE name = 'Organization $1'"; }
standing() { sql "SELECT string_agg(rule, ' ' ORDER BY rule) FROM advisor.findings WHERE organization_id = '$(id 0000000f "$1")' AND state <> 'resolved'"; }
# Only this test's: another's organizations may have the same ids, and its events come to whoever reads the topic next.
audited() { sql "SELECT string_agg(action, ' ' ORDER BY occurred_at) FROM audit.events WHERE tenant_id = '$MS_AUTH_TENANT_ID' AND organization_id = '$(id 0000000f "$1")'"; }
somebody() {  # somebody METHOD PATH: an administrator does something in Microsoft 365
  local token
  token=$(curl -fsS "$MS_GRAPH_URL/$MS_AUTH_TENANT_ID/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=$MS_AUTH_CLIENT_ID \
    -d client_secret=$MS_AUTH_SECRET -d "scope=$MS_GRAPH_URL/.default" | jq -r .access_token)
  curl -fsS -X "$1" -H "Authorization: Bearer $token" "$MS_GRAPH_URL/v1.0$2" >/dev/null
}
sweep() { rollcall health --all --wait --json --timeout 60; }

# Every state at once; three reads for what the listings show, two for each of the three that they do not.
somebody DELETE "/groups/$(id 00000002 7)"  # can be restored
somebody DELETE "/groups/$(id 00000002 8)"  # a security group: gone
graph faults -d "{\"groups\":{\"$(id 00000002 6)\":403}}" >/dev/null
graph "reset?only=stats" -X POST >/dev/null
answer=$(sweep)
equal "$(jq -Sc .result.states <<<"$answer")" '{"healthy":32,"ownerless":1,"soft_deleted":1,"unmanageable":5,"unreachable":1}' "states"
equal "$(graph stats | jq -c '[.reads, .http]')" "[9,2]" "reads and HTTP requests of a sweep of 40 groups"
equal "$(jq -c '.result.requests | [.reads, .http]' <<<"$answer")" "[9,2]" "what the run says of its requests"
for one in "1 ownerless" "2 unmanageable" "6 unmanageable" "7 soft_deleted" "9 healthy"; do
  read -r number expected <<<"$one"
  equal "$(state "$number")" "$expected" "state of group $number"
done
equal "$(standing 7)" group_health.soft_deleted "findings about a deleted group"
rollcall org show "Organization 7" --json | jq -e '.health.state == "soft_deleted" and (.health.restorable_until | endswith("Z"))' >/dev/null ||
  fail "org show tells until when the group can be restored"

# The second look comes by itself; then the link goes, on record, and nothing else.
equal "$(jq -c '.result | [.links_removed, .looked_at_again]' <<<"$answer")" "[0,1]" "what the first look does to a link"
until_true 60 "the second look removed the link" eval '[ "$(state 8)" = gone ]'
equal "$(linked 8)" "" "the link after the second look"
equal "$(standing 8)" group_health.gone "findings about a group that is gone"
until_true 30 "the removal is in the audit trail" eval '[ "$(audited 8)" = group_unlinked ]'
equal "$(sql "SELECT count(*) FROM directory.organizations WHERE microsoft_group IS NOT NULL")" 39 "links"

# One command links again: what can be restored is, what is gone for good is refused.
code=0
rollcall org relink "Organization 8" --json --timeout 60 >"$work/refused.json" || code=$?
equal "$code $(jq -r .error.code "$work/refused.json")" "4 group_gone" "relinking a group that is gone for good"
rollcall org unlink "Organization 7" >/dev/null
equal "$(rollcall org relink "Organization 7" --json --timeout 60 | jq -c '.result | [.restored, .linked]')" "[true,true]" "relinking a deleted group"
equal "$(linked 7)" "$(id 00000002 7)" "the link after relinking"
until_true 30 "all of it is in the audit trail" eval '[ "$(audited 7)" = "group_unlinked group_restored group_linked" ]'
equal "$(rollcall health "Organization 7" --wait --json --timeout 60 | jq -r .result.state)" healthy "the restored group"
equal "$(standing 7)" "" "findings about the restored group"

# A schedule's tick is one run over all. Groups that vanish all at once lose no link.
graph faults -d "$(jq -cn --args '{groups: ($ARGS.positional | map({(.): 404}) | add)}' $(for i in $(seq 40); do id 00000002 "$i"; echo; done))" >/dev/null
rollcall schedules add --name health --worker group-health --operation check-groups --every 1h >/dev/null
tick() { rollcall schedules trigger health >/dev/null; until_true 60 "the tick's run ended" eval "[ \"\$(sql \"SELECT count(*) FROM ops.runs WHERE caller_identity = 'schedule:health' AND state = 'succeeded'\")\" = $1 ]"; }
tick 1
sql "UPDATE sync.group_health SET missing_since = missing_since - interval '1 hour' WHERE missing_since IS NOT NULL"
tick 2
equal "$(sql "SELECT count(*) FROM directory.organizations WHERE microsoft_group IS NOT NULL")" 39 "links while no group is found"
equal "$(sql "SELECT rule FROM advisor.findings WHERE organization_id IS NULL AND state <> 'resolved'")" group_health.mass_absence "the finding"
graph faults -d '{}' >/dev/null
tick 3
equal "$(sql "SELECT count(*) FROM advisor.findings WHERE organization_id IS NULL AND state <> 'resolved'")" 0 "findings of the tenant"

# Killed in the middle: the run goes on with the next worker.
kill -STOP "$pid_group_health"
job=$(rollcall health --all --json | jq -r .job_id)
kill -KILL "$pid_group_health"
start_worker group-health
rollcall runs watch "$job" --timeout 60 >/dev/null || fail "the run of a killed worker did not end well"
equal "$(sql "SELECT count(*) FROM sync.group_health WHERE state = 'healthy'")" 34 "healthy groups in the end"
echo "group_health: passed"
