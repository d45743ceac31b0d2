#!/usr/bin/env bash
# A group of 100,000 against a roster of 100,000 with 1,000 changes: the worker stays under 150 MiB resident.
. "$(dirname "$0")/lib.sh"
directory 100500 100000  # people 500 to 100,499 are in the group
start_graph --seed-file "$work/seed.json" --size L
rollcall migrate >/dev/null
rollcall topics create >/dev/null
start_worker scheduler
start_worker member-sync
org=$(rollcall org add --name "Large" --group $group --json | jq -r .id)
rollcall policy "$org" set --removal mirror >/dev/null
{ echo email,display_name,role,object_id; seq 0 99999 | awk '{printf "person%d@contoso.example,Person %d,member,00000000-0000-4000-8000-%012d\n", $1, $1, 1000000 + $1}'; } >"$work/roster.csv"
rollcall roster import "$org" "$work/roster.csv" >/dev/null
answer=$(rollcall sync "$org" --wait --json --timeout 240)
equal "$(jq -c '[.state,.result.added,.result.removed,.result.failed]' <<<"$answer")" '["succeeded",500,500,0]' "result"
resident=$(awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$pid_member_sync/status")
echo "peak resident: $resident MiB; $(jq -c '.result.requests' <<<"$answer"); $(jq .result.duration_ms <<<"$answer") ms"
at_most "$resident" 150 "MiB resident at the peak"
echo "large: passed"
