# Shared by the end-to-end tests: the built programs as their users start them, on the PostgreSQL and Kafka of ops/test.
set -euo pipefail
bin=${ROLLCALL_BIN:?}
work=$(mktemp -d)
export MS_AUTH_TENANT_ID=tenant-$RANDOM$RANDOM MS_AUTH_CLIENT_ID=client MS_AUTH_SECRET=secret MS_AUTH_ENABLED=true
export KAFKA_BROKERS=${ROLLCALL_TEST_KAFKA_BROKERS:?run this through ops/test} ROLLCALL_OPS_PORT=0
pids=()
finish() {
  code=$?
  trap - EXIT
  kill -TERM "${pids[@]}" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 "${pids[@]}" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "${pids[@]}" 2>/dev/null || true
  [ $code -eq 0 ] || { echo "--- logs of the failed test"; tail -n 25 "$work"/*.log; }
  psql -q "$ROLLCALL_TEST_DATABASE_URL" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" 2>/dev/null || true
  rm -rf "$work"
  exit $code
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
equal() { [ "$1" = "$2" ] || fail "$3: expected '$2', found '$1'"; }
at_most() { [ "$1" -le "$2" ] || fail "$3: expected at most $2, found $1"; }
start() {  # start NAME COMMAND…
  local name=$1
  shift
  "$@" >>"$work/$name.out" 2>>"$work/$name.log" &
  pids+=($!)
  eval "pid_$name=$!"
}
until_true() {  # until_true SECONDS WHAT COMMAND…
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || fail "$what within the time"; sleep 0.1; done
}
sql() { psql -qtAX "$DATABASE_URL" -c "$1"; }
database=e2e_$$_$RANDOM
psql -q "${ROLLCALL_TEST_DATABASE_URL:?}" -c "CREATE DATABASE $database"
export DATABASE_URL=${ROLLCALL_TEST_DATABASE_URL%/*}/$database
rollcall() { "$bin/rollcall" "$@"; }
start_graph() {  # start_graph [option…]: the sandbox Microsoft 365
  start graph "$bin/rollcall-sandbox-graph" --port 0 "$@"
  until_true 10 "the sandbox Graph came up" grep -q url "$work/graph.out"
  MS_GRAPH_URL=$(jq -r .url "$work/graph.out")
  export MS_GRAPH_URL MS_AUTH_AUTHORITY=$MS_GRAPH_URL
}
graph() { curl -fsS "$MS_GRAPH_URL/sandbox/$1" "${@:2}"; }
# All tests share the topics of one Kafka, so a worker may be handed what an earlier test left over: look at your own organization
# only. Static membership lets a worker take its predecessor's place at once.
start_worker() { start "${1//-/_}" env ROLLCALL_INSTANCE_ID="$1" "$bin/rollcall-$1"; }
group=c0a7e500-5a1e-4c0d-8e11-00000000e2e0
# directory N M: N users in the tenant, the last M of them in the group; writes roster.csv of the first R.
directory() {
  local users=$1 members=$2
  jq -cn --argjson n "$users" --argjson m "$members" --arg g $group '
    def id: "00000000-0000-4000-8000-" + (("000000000000" + tostring)[-12:]);
    {users: [range($n) | {id: (1000000 + . | id), mail: "person\(.)@contoso.example", userPrincipalName: "person\(.)@contoso.example", displayName: "Person \(.)"}],
     groups: [{id: $g, displayName: "Everyone", kind: "microsoft365", members: [range($n - $m; $n) | (1000000 + . | id)], owners: []}]}' >"$work/seed.json"
}
roster() {  # roster FIRST LAST: people by address
  { echo email,display_name,role; for ((i = $1; i <= $2; i++)); do echo "person$i@contoso.example,Person $i,member"; done; } >"$work/roster.csv"
}
# The other Graph of tests/fakes/another_graph, with the directory of seed.json.
start_another_graph() {  # start_another_graph [option…]
  local port
  start another_graph env PYTHONDONTWRITEBYTECODE=1 python3 "${ROLLCALL_SOURCE:?}/tests/fakes/another_graph" \
    --directory "$work/seed.json" --tenant "$MS_AUTH_TENANT_ID" --client-id "$MS_AUTH_CLIENT_ID" "$@"
  until_true 10 "the other Graph came up" grep -q url "$work/another_graph.out"
  port=$(tail -n 1 "$work/another_graph.out" | jq -r .port)
  control_url=http://127.0.0.1:$port/control
  MS_GRAPH_URL=$(tail -n 1 "$work/another_graph.out" | jq -r .url)
  export MS_GRAPH_URL MS_AUTH_AUTHORITY=$MS_GRAPH_URL
}
control() { curl -fsS "$control_url/$1" "${@:2}"; }
