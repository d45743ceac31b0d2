#!/usr/bin/env bash
# Two schedulers: the leader is stopped (SIGSTOP), later goes on, is killed, is ended. All the while every due time becomes exactly one tick, and
# a leader that was replaced writes nothing.
. "$(dirname "$0")/lib.sh"
worker=probe-$RANDOM$RANDOM  # a topic of its own
export ROLLCALL_LEASE=2s
rollcall migrate >/dev/null
start first env ROLLCALL_INSTANCE_ID=first "$bin/rollcall-scheduler"
holder() { sql "SELECT holder FROM ops.leases WHERE expires_at > clock_timestamp()"; }
leads() { [ "$(holder)" = "$1" ]; }
until_true 20 "the first leads" leads first
start second env ROLLCALL_INSTANCE_ID=second "$bin/rollcall-scheduler"
for i in 1 2 3 4 5; do
  rollcall schedules add --name "every-$i" --worker "$worker" --operation probe --every 1s --overlap allow_all --catch-up 1h >/dev/null
done
ticks() { sql "SELECT count(*) FROM ops.ticks"; }
more_ticks() { [ "$(ticks)" -ge $((have + 10)) ]; }
go_on() { have=$(ticks); until_true 20 "ticks fire" more_ticks; }
go_on

kill -STOP $pid_first
until_true 20 "the second takes over from a stopped leader" leads second
go_on
fencing=$(sql "SELECT fencing FROM ops.leases")
kill -CONT $pid_first
until_true 20 "the first sees that its term is over" grep -q leading_ended "$work/first.log"
go_on
equal "$(sql "SELECT fencing FROM ops.leases")" "$fencing" "fencing number after the old leader went on"

kill -KILL $pid_second
until_true 20 "the first takes over from a killed leader" leads first
go_on
start third env ROLLCALL_INSTANCE_ID=third "$bin/rollcall-scheduler"
until_true 20 "the third is up" grep -q started "$work/third.log"
kill -TERM $pid_first
until_true 20 "the third takes over from one that ended" leads third
go_on

rollcall schedules pause every-1 --note "seen enough" >/dev/null
equal "$(rollcall schedules show every-1 --json | jq -r '.state + ": " + .note')" "paused: seen enough" "the pause's note"
due=$(rollcall schedules trigger every-1 --json | jq -r .due_at)
triggered() { [ "$(sql "SELECT count(*) FROM ops.ticks WHERE due_at = '$due' AND cause = 'trigger'")" = 1 ]; }
until_true 20 "the trigger fired" triggered
for i in 2 3 4 5; do rollcall schedules pause "every-$i" >/dev/null; done
published() { [ "$(sql "SELECT count(*) FROM ops.outbox")" = 0 ]; }
until_true 30 "everything is published" published

# No due time is missing, none stands twice in the table (its key), and on the topic are those of the table, by their ids.
equal "$(sql "SELECT count(*) FROM (SELECT due_at - lag(due_at) OVER (PARTITION BY schedule_id ORDER BY due_at) AS gap FROM ops.ticks
              WHERE cause = 'clock') g WHERE gap <> interval '1 second'")" 0 "gaps between due times"
total=$(ticks)
rollcall topics tail "rollcall.$worker.ticks" --from-start --timeout 5 --json >"$work/topic" || true
jq -r '.. | .tick_id? // empty' "$work/topic" | sort -u >"$work/seen"
sql "SELECT id FROM ops.ticks ORDER BY id" | sort >"$work/stored"
cmp "$work/seen" "$work/stored" || fail "the topic does not have the ticks of the table: $(wc -l <"$work/seen") of $total"
echo "schedules: passed, $total ticks"
