#!/usr/bin/env bash
# What rollcall-front says of itself in /openapi.json against what it does: schemathesis asks every operation what the document allows
# and what it does not, as an operator and of an organization that exists. No answer may be a server's error, or one that the document
# does not tell of (status, media type, shape).
#   tests/e2e/openapi.sh --get    only gets schemathesis (pip, into .rollcall): exit 1 where it cannot be had
# Without it the test is skipped; with ROLLCALL_REQUIRE_SCHEMATHESIS=1 that is a failure.
set -euo pipefail
source_root=${ROLLCALL_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
version=4.32.5
venv=$source_root/.rollcall/schemathesis-$version
get() {
  [ -e "$venv/complete" ] && return
  rm -rf "$venv"
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" && touch "$venv/complete"
}
if [ "${1:-}" = --get ]; then get && exit 0 || exit 1; fi
if ! get; then
  [ "${ROLLCALL_REQUIRE_SCHEMATHESIS:-}" = 1 ] && { echo "no schemathesis could be had, and ROLLCALL_REQUIRE_SCHEMATHESIS=1" >&2; exit 1; }
  echo "NOT TESTED: no schemathesis could be had (pip install schemathesis==$version)"
  exit 77
fi
. "$(dirname "$0")/lib.sh"
export MS_AUTH_TENANT_ID=7e2a1c00-5a1e-4c0d-8e11-0000000000f0 MS_AUTH_CLIENT_ID=7e2a1c00-5a1e-4c0d-8e11-0000000000c1
directory 60 40
start_graph --seed-file "$work/seed.json"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
start front env ROLLCALL_HTTP_PORT=0 ROLLCALL_HTTP_RATE=100000 ROLLCALL_HTTP_BURST=100000 ROLLCALL_GRAPH_CLIENT_STATE=state "$bin/rollcall-front"
until_true 20 "the front came up" grep -q '"event":"started"' "$work/front.log"
url=http://127.0.0.1:$(grep -m1 '"event":"started"' "$work/front.log" | jq -r .port)
org=$(rollcall org add --name Contoso --group $group --json | jq -r .id)
roster 0 20
rollcall roster import "$org" "$work/roster.csv" >/dev/null
job=$(rollcall sync "$org" --json | jq -r .job_id)
token=$(rollcall sandbox token --role Rollcall.Admin)
until_true 20 "the front has the keys" curl -fsS -o /dev/null -H "Authorization: Bearer $token" "$url/api/v1/organizations"

# Left out: streams of events, which do not end. Ids that exist, so that requests get further than "not found".
cat >"$work/schemathesis.toml" <<END
parameters = { "path.organization" = "$org", "path.job" = "$job" }
END
cd "$work"  # it keeps what it found in the folder it runs in
timeout 120 "$venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run "$url/openapi.json" -H "Authorization: Bearer $token" \
  --exclude-path-regex '/events$' --phases coverage,fuzzing --max-examples 8 --max-time 40 --seed 1 --continue-on-failure --request-timeout 20 \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance --no-color \
  >"$work/schemathesis.out" 2>&1 || { cut -c1-400 "$work/schemathesis.out" | grep -v '^$' | head -150; fail "the document and the front differ"; }
tail -4 "$work/schemathesis.out" | cut -c1-200
# It was asked something, and it lives.
curl -fsS -o /dev/null "$url/openapi.json"
echo "passed"
