#!/usr/bin/env bash
# Sweeps: a real first sync of 120 organizations, then none without a cause; a change by somebody else; lost delta links; roster
# events; and 10,000 unchanged organizations for at most 210 requests.
. "$(dirname "$0")/lib.sh"
echo '{"generate":{"users":60,"groups":10000,"members":2}}' >"$work/seed.json"
start_graph --seed-file "$work/seed.json" --size L
rollcall migrate >/dev/null
rollcall topics create >/dev/null
export ROLLCALL_ROSTER_DEBOUNCE=2s ROLLCALL_SWEEP_MAYBE_MAX=200
start_worker scheduler
start_worker member-sync
publish() {  # publish TOPIC KEY VALUE [COUNT]: the scheduler sends what stands in the outbox
  sql "INSERT INTO ops.outbox (messages) SELECT jsonb_agg(jsonb_build_object('topic', '$1', 'key', '$2', 'headers', '{}'::jsonb,
    'payload', '$3')) FROM generate_series(1, ${4:-1})"
}
swept() { jq -c "select(.event == \"swept\" and .tick_id == \"$tick\")" "$work/member_sync.log" 2>/dev/null; }
scheduled() { sql "SELECT count(*) FROM ops.runs WHERE caller_identity = 'schedule:hourly'"; }
settled() { [ "$(sql "SELECT count(*) FROM ops.runs WHERE state IN ('queued', 'running', 'waiting')")" = 0 ]; }
sweep() {  # sweep RUNS: a sweep that starts so many, and waits for them
  graph "reset?only=stats" -X POST >/dev/null
  local before
  before=$(scheduled)
  tick=$(cat /proc/sys/kernel/random/uuid)
  publish rollcall.member-sync.ticks "$tick" "{\"tick_id\":\"$tick\",\"schedule_id\":\"$tick\",\"schedule_name\":\"hourly\",\"worker\":\"member-sync\",\"operation\":\"sync-members\",\"due_at\":\"2026-11-21T09:00:00Z\"}"
  until_true 120 "the sweep ended" eval '[ -n "$(swept)" ]'
  requests=$(graph stats | jq .reads)
  equal "$(swept | jq .starting)" "$1" "runs that the sweep started"
  until_true 30 "the runs of the sweep were stored" eval '[ "$(scheduled)" = '$((before + $1))' ]'
  until_true 240 "the runs of the sweep ended" settled
}
# somebody USER GROUP: takes a user out of a group, as an administrator would.
somebody() {
  local token
  token=$(curl -fsS "$MS_GRAPH_URL/$MS_AUTH_TENANT_ID/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=$MS_AUTH_CLIENT_ID \
    -d client_secret=$MS_AUTH_SECRET -d "scope=$MS_GRAPH_URL/.default" | jq -r .access_token)
  curl -fsS -X DELETE -H "Authorization: Bearer $token" "$MS_GRAPH_URL/v1.0/groups/$(id 00000002 "$2")/members/$(id 00000001 "$1")/\$ref"
}
id() { printf '%s-0000-4000-8000-%012x' "$1" "$2"; }
in_group() { graph "groups/$(id 00000002 "$2")/members" | jq "[.members[] | select(. == \"$(id 00000001 "$1")\")] | length"; }
organizations() {  # organizations FIRST LAST PEOPLE: linked, with users I to I + PEOPLE - 1 on the roster of organization I
  sql "INSERT INTO directory.organizations (id, tenant_id, name, microsoft_group)
         SELECT ('0000000f-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, '$MS_AUTH_TENANT_ID', 'Organization ' || i,
                ('00000002-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid FROM generate_series($1, $2) i;
       INSERT INTO directory.members (organization_id, email, object_id)
         SELECT ('0000000f-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'user' || u || '@contoso.example',
                ('00000001-0000-4000-8000-' || lpad(to_hex((i - 1 + u) % 60 + 1), 12, '0'))::uuid
         FROM generate_series($1, $2) i, generate_series(0, $3 - 1) u"
}

# Each group lacks one person of its roster of three.
organizations 1 120 3
sweep 120
equal "$(graph stats | jq .members_added)" 120 "members added by the first syncs"
sweep 0
equal "$requests" 3 "requests of a sweep after our own writes"

# Somebody takes people out: exactly that organization's run puts them back.
somebody 8 7
equal "$(in_group 8 7)" 0 "members after somebody's removal"
sweep 1
equal "$(in_group 8 7)" 1 "members after the sweep"
sweep 0

# Delta links that expire or are reset lose nothing.
for lost in "10 9 sync_state_not_found" "21 20 gone"; do
  read -r user number mode <<<"$lost"
  somebody "$user" "$number"
  graph expire-delta -d "{\"mode\":\"$mode\"}" >/dev/null
  sweep 120
  equal "$(in_group "$user" "$number")" 1 "members after lost delta links ($mode)"
  sweep 0
done

# A hundred roster events are one sync, which sees what changed.
org=$(id 0000000f 11)
sql "INSERT INTO directory.members (organization_id, email, object_id) VALUES ('$org', 'new@contoso.example', '$(id 00000001 40)')"
runs() { sql "SELECT count(*) FROM ops.runs WHERE caller_identity = 'roster-event'"; }
publish rollcall.roster-events "$org" "{\"organization_id\":\"$org\",\"event\":\"changed\",\"at\":\"2026-11-21T09:00:00Z\"}" 100
until_true 60 "the roster events asked for a sync" eval '[ "$(runs)" -gt 0 ]'
until_true 60 "that sync ended" settled
equal "$(runs)" 1 "syncs for a hundred roster events"
equal "$(in_group 40 11)" 1 "the newcomer in the group"

# Ten thousand, as they are after their first syncs.
organizations 121 10000 2
sql "INSERT INTO sync.groups (organization_id, group_id, full_read_at, synced_at, read_at)
       SELECT id, microsoft_group, now(), now(), clock_timestamp() FROM directory.organizations ON CONFLICT DO NOTHING;
     INSERT INTO sync.group_members SELECT organization_id, object_id FROM directory.members JOIN sync.groups USING (organization_id)
       ON CONFLICT DO NOTHING"
sweep 200
sql "UPDATE sync.pack_groups SET mark = NULL, marked_at = NULL"
sweep 0
at_most "$requests" 210 "requests of a sweep of 10,000 unchanged organizations"
echo "a sweep of 10,000 unchanged organizations: $requests requests in $(graph stats | jq .http) HTTP requests"
somebody 40 9999
sweep 1
equal "$(in_group 40 9999)" 1 "members after the sweep of ten thousand"
echo "sweep: passed"
