#!/usr/bin/env bash
# PostgreSQL and Kafka away at the start, in the middle of a plan and for a while, and every session of PostgreSQL ended at once: no
# process ends, /readyz and doctor say what is missing, nothing is lost, each change is audited once. Servers of its own, to be restarted.
. "$(dirname "$0")/lib.sh"
ops=${ROLLCALL_SOURCE:?}/ops
leave() { "$ops/kafka" stop "$work/kafka" >/dev/null 2>&1 || true; "$ops/postgres" destroy "$work/postgres" >/dev/null 2>&1 || true; }
trap 'code=$?; set +e; leave; (exit $code); finish' EXIT
up_postgres() { DATABASE_URL=$("$ops/postgres" start "$work/postgres" | sed -n 's/^DATABASE_URL=//p'); }
up_kafka() { KAFKA_BROKERS=$("$ops/kafka" start "$work/kafka" | sed -n 's/^KAFKA_BROKERS=//p'); }
down_kafka() {  # down_kafka SIGNAL
  kill "-$1" "$(cat "$work/kafka/pid")"
  "$ops/kafka" stop "$work/kafka"
}
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
now() { echo $((${EPOCHREALTIME/./} / 1000)); }
workers=(member-sync audit-writer scheduler)
start_all() {
  for worker in "${workers[@]}"; do
    eval "port_${worker//-/_}=$(port)"
    ROLLCALL_OPS_PORT=$(ops_port "$worker") start_worker "$worker"
  done
}
ops_port() { eval "echo \$port_${1//-/_}"; }
ready() { curl -sS --max-time 10 "http://127.0.0.1:$(ops_port "$1")/readyz"; }
# says STATUS PROBLEM…: every process alive, and its /readyz says exactly that.
says() {
  local wanted
  wanted=$(jq -cn '{status: $ARGS.positional[0], problems: $ARGS.positional[1:]}' --args "$@")
  for worker in "${workers[@]}"; do
    [ "$(ready "$worker" | jq -c '{status, problems: [.checks[] | select(.state == "problem") | .name]}')" = "$wanted" ] || return 1
  done
}
alive() { for worker in "${workers[@]}"; do eval "kill -0 \$pid_${worker//-/_}" || fail "$worker ended"; done; }
problems() { { rollcall doctor --json || true; } | jq -c '[.checks[] | select(.state == "problem") | .check]'; }
state() { sql "SELECT state FROM ops.runs WHERE id = '$1'"; }
settled() { until_true "$1" "run $2 settled" eval '[ "$(state '"$2"')" = succeeded ]'; }
people() { roster 0 "$1"; rollcall roster import "$org" "$work/roster.csv" >/dev/null; }
checkpoints() { sql "SELECT count(*) FROM sync.checkpoints WHERE run_id = '$1'"; }
middle() {  # middle RUN: it has begun to change the group
  until_true 60 "the run is in the middle of its plan" eval '[ "$(sql "SELECT count(*) FROM sync.plans WHERE run_id = '"'$1'"' AND (document->>'"'applying'"')::boolean")" = 1 ]'
}
same() {  # same PEOPLE: group, audit and Graph's own log agree
  equal "$(graph groups/$group/members | jq .count)" "$1" "members of the group"
  until_true 60 "every change is audited" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE action LIKE '"'member_%'"'")" -ge '"$1"' ]'
  equal "$(sql "SELECT count(*), count(DISTINCT member_object_id) FROM audit.events WHERE action = 'member_added'")" "$1|$1" "additions audited"
  until_true 60 "the outbox is empty" eval '[ "$(sql "SELECT count(*) FROM ops.outbox")" = 0 ]'
}
told() {  # told RUN: its end is on rollcall.runs
  rollcall topics tail rollcall.runs --from-start --timeout 5 --json 2>/dev/null | grep -q "$1.*succeeded"
}

directory 6000 0
start_graph --seed-file "$work/seed.json" --latency-ms 300 --size L
up_postgres
up_kafka
export DATABASE_URL KAFKA_BROKERS
rollcall migrate >/dev/null
rollcall topics create >/dev/null
org=$(rollcall org add --name "Away" --group $group --json | jq -r .id)
people 99
"$ops/postgres" stop "$work/postgres"
down_kafka TERM

# Both away at the start.
start_all
until_true 30 "/readyz says that both are away" says not_ready postgresql kafka
equal "$(problems)" '["postgresql","kafka"]' "what doctor finds"
up_postgres
until_true 30 "/readyz says that Kafka is away" says not_ready kafka
equal "$(problems)" '["kafka"]' "what doctor finds without Kafka"
alive
run=$({ timeout 60 "$bin/rollcall" sync "$org" --json || true; } | jq -r '.job_id // empty')
run=${run:-$(sql "SELECT id FROM ops.runs")}
equal "$(state "$run")" queued "state of a run asked for while Kafka was away"
up_kafka
back=$(now)
until_true 60 "/readyz says ready" says ready
echo "ready $(($(now) - back)) ms after Kafka answers"
settled 90 "$run"
echo "the run that was asked for meanwhile settled $(($(now) - back)) ms after Kafka answers"
same 100

# PostgreSQL away for 20 s in the middle of a plan, after an immediate stop as a crash would be.
people 1999
run=$(rollcall sync "$org" --json | jq -r .job_id)
middle "$run"
"$ops/postgres" stop "$work/postgres" immediate
until_true 30 "/readyz says that PostgreSQL is away" says not_ready postgresql
equal "$(problems)" '["postgresql"]' "what doctor finds without PostgreSQL"
sleep 20
alive
up_postgres
before=$(checkpoints "$run") back=$(now)
until_true 60 "the run goes on" eval '[ "$(state '"$run"')" = succeeded ] || [ "$(checkpoints '"$run"')" -gt '"$before"' ]'
echo "work goes on $(($(now) - back)) ms after PostgreSQL answers"
settled 120 "$run"
same 2000

# Kafka killed in the middle: the run needs it only to tell of its end, which it does when Kafka is back.
people 3999
run=$(rollcall sync "$org" --json | jq -r .job_id)
middle "$run"
down_kafka KILL
until_true 30 "/readyz says that Kafka is away" says not_ready kafka
settled 120 "$run"
alive
up_kafka
back=$(now)
until_true 60 "the end of the run is told" told "$run"
echo "told $(($(now) - back)) ms after Kafka answers"
same 4000

# Every session ended, again and again: no connection is mended unseen, and no work is lost.
people 5999
run=$(rollcall sync "$org" --json | jq -r .job_id)
middle "$run"
for _ in 1 2 3 4 5; do
  sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'rollcall-%'" >/dev/null
  sleep 0.5
done
settled 120 "$run"
until_true 60 "the end of the run is told" told "$run"
same 6000
alive
until_true 30 "/readyz says ready" says ready
rollcall audit verify || fail "the audit trail does not verify after all of this"

# All of Kafka's data lost while audit events wait there: runs still settle, and what is missing is named, exactly.
kill -TERM "$pid_audit_writer"
until_true 30 "audit-writer ends" eval '! kill -0 "$pid_audit_writer"'
roster 0 5989 && rollcall roster import "$org" "$work/roster.csv" >/dev/null
rollcall policy "$org" set --removal mirror >/dev/null
run=$(rollcall sync "$org" --json | jq -r .job_id)
settled 120 "$run"
until_true 60 "the outbox is empty" eval '[ "$(sql "SELECT count(*) FROM ops.outbox")" = 0 ]'
down_kafka KILL
rm -rf "$work/kafka/data"
up_kafka
rollcall topics create >/dev/null
ROLLCALL_OPS_PORT=$(ops_port audit-writer) start_worker audit-writer
people 5999
again=$(rollcall sync "$org" --json | jq -r .job_id)
settled 180 "$again"
until_true 60 "the changes of the next run are audited" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE run_id = '"'$again'"'")" = 10 ]'
until_true 60 "the roots are published again" eval '! rollcall audit verify --json | grep -q root_unpublished'
rollcall audit verify --json >"$work/verify" && fail "audit verify finds nothing after Kafka lost everything"
equal "$(jq -s -c "[.[] | select(.finding == \"event_missing\" and .run_id == \"$run\")] | length" "$work/verify")" 10 "events of run $run named as missing"
equal "$(jq -s -c '[.[] | select(.finding and .finding != "event_missing")]' "$work/verify")" "[]" "what else is found"
echo "away: passed"
