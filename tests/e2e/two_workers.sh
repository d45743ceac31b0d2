#!/usr/bin/env bash
# Two member-sync processes on one tenant with a small quota: together they use it up and never exceed it, however the organizations
# fall to them; a Retry-After given to one is obeyed by the other; one that is killed leaves the quota to the other.
. "$(dirname "$0")/lib.sh"
units=400  # per 10 s
export ROLLCALL_GRAPH_RESOURCE_UNITS=$units ROLLCALL_GRAPH_RESOURCE_UNITS_MAX=$units
jq -cn '
  def id: "00000000-0000-4000-8000-" + (("000000000000" + tostring)[-12:]);
  {users: [range(1200) | {id: (1000000 + . | id), mail: "person\(.)@contoso.example", userPrincipalName: "person\(.)@contoso.example", displayName: "Person \(.)"}],
   groups: [range(12) | {id: (2000000 + . | id), displayName: "Group \(.)", kind: "microsoft365", members: [], owners: []}]}' >"$work/seed.json"
start_graph --seed-file "$work/seed.json" --resource-units $units --latency-ms 20
rollcall migrate >/dev/null
rollcall topics create >/dev/null
start_worker scheduler
for i in 1 2; do
  eval "port_$i=$((20000 + RANDOM % 10000))"
  port=port_$i
  start "worker_$i" env ROLLCALL_INSTANCE_ID=member-sync-$i ROLLCALL_OPS_PORT=${!port} "$bin/rollcall-member-sync"
done
metric() { local port=port_$1; curl -fsS "http://127.0.0.1:${!port}/metrics" | awk -v name="$2" -v label="${3:-}" 'index($0, name "{") == 1 && index($0, label) {sum += $NF} END {print int(sum)}'; }
for i in 1 2; do until_true 30 "worker $i sees the other" eval "[ \$(metric $i rollcall_graph_quota_members) = 2 ]"; done

roster 0 1199
orgs=()
for i in $(seq 0 11); do
  org=$(rollcall org add --name "Organization $i" --group "$(printf '00000000-0000-4000-8000-%012d' $((2000000 + i)))" --json | jq -r .id)
  rollcall roster import "$org" "$work/roster.csv" >/dev/null
  orgs+=("$org")
done
begun=$(date +%s%N)
runs=()
for org in "${orgs[@]}"; do runs+=("$(rollcall sync "$org" --json | jq -r .job_id)"); done
until_true 240 "all runs settled" eval '[ "$(sql "SELECT count(*) FROM ops.runs WHERE state = '"'succeeded'"'")" -ge 12 ]'
took=$((($(date +%s%N) - begun) / 1000000))
graph stats | jq -c .
echo "took $took ms; requests of each: $(metric 1 rollcall_graph_requests_total 'kind="http"') $(metric 2 rollcall_graph_requests_total 'kind="http"')"
# How long it takes is printed, not judged: the quota makes it two windows and a bit, where the machine has nothing else to do.
equal "$(graph stats | jq .throttled)" 0 "429s"
for i in 1 2; do
  [ "$(metric $i rollcall_graph_requests_total 'kind="http"')" -gt 0 ] || fail "worker $i had nothing to do"
  equal "$(metric $i rollcall_graph_throttled_total)" 0 "429s of worker $i"
done

# One run, hence one process, is told to stay away; the other hears of it.
graph faults -d '{"rate":1,"status":[429]}' >/dev/null
rollcall sync "${orgs[0]}" --json >/dev/null
until_true 20 "the pause given to one is obeyed by the other" eval '[ $(($(metric 1 rollcall_graph_pauses_obeyed_total) + $(metric 2 rollcall_graph_pauses_obeyed_total))) -ge 1 ]'
graph faults -d '{"rate":0}' >/dev/null

# A process that ends in order leaves at once, one that is killed when it is taken for dead.
kill -KILL $pid_worker_2
until_true 60 "the share of the process killed is released" eval '[ "$(metric 1 rollcall_graph_quota_members)" = 1 ]'
echo "two_workers: passed"
