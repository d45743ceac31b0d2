#!/usr/bin/env bash
# Microsoft 365 tells of a changed group: handshake, subscription, notification, the front, a sync. What Graph says of the subscription's own
# life is acted on, and a hook that does not answer becomes a finding until it does.
. "$(dirname "$0")/lib.sh"
directory 5 3
roster 2 4
MS_AUTH_TENANT_ID=$(cat /proc/sys/kernel/random/uuid)  # a notification names it
MS_AUTH_CLIENT_ID=$(cat /proc/sys/kernel/random/uuid)
start_graph --seed-file "$work/seed.json" --tenant "$MS_AUTH_TENANT_ID"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
export ROLLCALL_GRAPH_CLIENT_STATE=known-to-graph-and-to-us ROLLCALL_ROSTER_DEBOUNCE=100ms
start_front() {  # start_front NAME PORT
  start "$1" env ROLLCALL_INSTANCE_ID="$1" ROLLCALL_HTTP_PORT="$2" "$bin/rollcall-front"
  until_true 20 "the front came up" grep -q '"event":"started"' "$work/$1.log"
}
start_front front 0
port=$(grep -m1 '"event":"started"' "$work/front.log" | jq -r .port)
export ROLLCALL_PUBLIC_URL=http://127.0.0.1:$port
for worker in member-sync token-renewal scheduler; do start_worker $worker; done
org=$(rollcall org add --name Contoso --group $group --json | jq -r .id)
rollcall roster import "$org" "$work/roster.csv" >/dev/null
rollcall sync "$org" --wait >/dev/null
renew() { rollcall renew subscriptions --wait --json --timeout 60; }
standing() { sql "SELECT evidence->>'reason' FROM advisor.findings WHERE rule = 'token_renewal.subscription_failing' AND state <> 'resolved'"; }
subscription() { sql "SELECT subscription_id FROM sync.subscriptions WHERE state = 'active'"; }

# The handshake goes through the front; a change by hand is put right without anybody asking.
equal "$(renew | jq -c '.result | [.created, .wanted]')" "[true,true]" "the first run"
token=$(curl -fsS "$MS_GRAPH_URL/$MS_AUTH_TENANT_ID/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=$MS_AUTH_CLIENT_ID \
  -d client_secret=$MS_AUTH_SECRET -d "scope=$MS_GRAPH_URL/.default" | jq -r .access_token)
member=$(graph groups/$group/members | jq -r '.members[0]')
curl -fsS -X DELETE -H "Authorization: Bearer $token" "$MS_GRAPH_URL/v1.0/groups/$group/members/$member/\$ref"
until_true 60 "the member is back" eval '[ "$(graph groups/$group/members | jq .count)" = 3 ]'

# Graph removes it and says so: a new one, and a look at all groups.
first=$(subscription)
graph lifecycle -d '{"event":"subscriptionRemoved"}' >/dev/null
until_true 30 "the front kept the notice" eval '[ "$(sql "SELECT count(*) FROM sync.subscription_notices")" = 1 ]'
equal "$(renew | jq -c '.result | [.created, .sweep_asked_for]')" "[true,true]" "after the removal"
[ "$(subscription)" != "$first" ] || fail "the subscription is the old one"

# A hook that does not answer is a finding; a tick's run resolves it once it does.
kill -TERM "$pid_front"
wait "$pid_front" || true
graph lifecycle -d '{"event":"subscriptionRemoved"}' >/dev/null
code=0
renew >"$work/refused.json" || code=$?
equal "$code $(jq -r .error.code "$work/refused.json")" "1 hook_unreachable" "without the front"
equal "$(standing)" hook_unreachable "the finding"
start_front front_again "$port"
rollcall schedules add --name subscriptions --worker token-renewal --operation renew-subscriptions --every 1h >/dev/null
rollcall schedules trigger subscriptions >/dev/null
until_true 60 "the finding is resolved" eval '[ -z "$(standing)" ]'
[ -n "$(subscription)" ] || fail "there is no subscription"
! grep -qF "$ROLLCALL_GRAPH_CLIENT_STATE" "$work"/*.log || fail "the secret is in a log"
echo "token_renewal: passed"
