#!/usr/bin/env bash
# What a process tells of itself: paused is ready, but told; a process whose instance id another one has taken ends, with a word in its
# log and a failure as its exit status, instead of living on without its partitions.
. "$(dirname "$0")/lib.sh"
directory 10 0
start_graph --seed-file "$work/seed.json"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
ready() { curl -sS --max-time 10 "http://127.0.0.1:$1/readyz"; }
twin() { start "$1" env ROLLCALL_INSTANCE_ID="$2-$database" ROLLCALL_OPS_PORT="$3" "$bin/rollcall-$2"; }  # twin NAME WORKER PORT
assigned() { [ "$(grep -c '"kafka_partitions_assigned"' "$work/$1.log")" -ge "$2" ]; }  # assigned NAME GROUPS

port=$((20000 + RANDOM % 10000))
twin older member-sync $port
until_true 30 "the older one is ready" eval '[ "$(ready '$port' | jq -r .status)" = ready ]'
rollcall workers pause member-sync --note "a new quota" >/dev/null
until_true 30 "/readyz tells of the pause" eval 'ready '$port' | jq -e ".status == \"ready\" and any(.checks[]; .state == \"note\" and (.message | contains(\"a new quota\")))"'
rollcall workers resume member-sync >/dev/null
until_true 30 "/readyz no longer tells of it" eval 'ready '$port' | jq -e "all(.checks[]; .state == \"ok\")"'

ended() {  # ended NAME: by itself, and not well
  local pid=pid_$1 code=0
  until_true 60 "$1 ended" eval "! kill -0 ${!pid}"
  wait "${!pid}" || code=$?
  equal "$code" 1 "exit status of $1"
  grep -q '"code":"instance_fenced"' "$work/$1.log" || fail "the log of $1 does not say why"
}
until_true 60 "the older one has its partitions" assigned older 3
twin newer member-sync 0
ended older
kill -0 "$pid_newer" || fail "the newer one ended too"

twin older_writer audit-writer 0
until_true 60 "the older writer has its partitions" assigned older_writer 1
twin newer_writer audit-writer 0
ended older_writer
kill -0 "$pid_newer_writer" || fail "the newer writer ended too"
echo "ready: passed"
