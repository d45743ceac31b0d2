#!/usr/bin/env bash
# The front as its users have it: curl and a token. Every row of the Microsoft endpoints' table, a job with its live events, what
# strangers get, the switch MS_AUTH_ENABLED, and a stop that answers what is under way.
. "$(dirname "$0")/lib.sh"
export MS_AUTH_TENANT_ID=7e2a1c00-5a1e-4c0d-8e11-0000000000f0 MS_AUTH_CLIENT_ID=7e2a1c00-5a1e-4c0d-8e11-0000000000c1
directory 60 40
start_graph --seed-file "$work/seed.json"
rollcall migrate >/dev/null
rollcall topics create >/dev/null
for worker in member-sync audit-writer scheduler; do start_worker $worker; done
start_front() {  # start_front NAME [VARIABLE=VALUE…]
  start "$1" env ROLLCALL_INSTANCE_ID="$1" ROLLCALL_HTTP_PORT=0 "${@:2}" "$bin/rollcall-front"
  until_true 20 "the front came up" grep -q '"event":"started"' "$work/$1.log"
  url=http://127.0.0.1:$(grep -m1 '"event":"started"' "$work/$1.log" | jq -r .port)
}
start_front front
org=$(rollcall org add --name "Contoso" --json | jq -r .id)
{ echo email,display_name,role,object_id
  for ((i = 0; i < 50; i++)); do
    printf 'person%d@contoso.example,Person %d,%s,00000000-0000-4000-8000-%012d\n' $i $i "$([ $i = 0 ] && echo admin || echo member)" $((1000000 + i))
  done; } >"$work/roster.csv"
rollcall roster import "$org" "$work/roster.csv" >/dev/null
admin=$(rollcall sandbox token --user person0@contoso.example)
member=$(rollcall sandbox token --user person1@contoso.example)
stranger=$(rollcall sandbox token --user person59@contoso.example)
operator=$(rollcall sandbox token --user person59@contoso.example --role Rollcall.Admin)
api() {  # api TOKEN METHOD PATH [BODY]: prints the body; the status is in $work/status
  local options=(-sS -X "$2" -o "$work/body" -D "$work/head" -w '%{http_code}' -H "Authorization: Bearer $1")
  [ $# -gt 3 ] && options+=(-H 'Content-Type: application/json' -d "$4")
  curl "${options[@]}" "$url$3" >"$work/status"
  cat "$work/body"
}
expect() {  # expect STATUS TOKEN METHOD PATH [BODY]: prints the body
  api "${@:2}" >"$work/answer"
  [ "$(cat "$work/status")" = "$1" ] || fail "$3 $4 answered $(cat "$work/status") instead of $1: $(cat "$work/answer")"
  cat "$work/answer"
}
ms=/api/v1/organizations/$org/microsoft

# Admin can link an existing group; details, members and status are there to see.
until_true 20 "the front has the keys" eval '[ "$(curl -s -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $admin" "$url$ms/status")" = 200 ]'
equal "$(expect 200 "$admin" GET $ms/status | jq -c '[.enabled,.linked]')" "[true,false]" "status before linking"
expect 422 "$admin" POST $ms/link-group '{"group_id":"00000000-0000-4000-8000-00000000dead"}' >/dev/null
expect 400 "$admin" POST $ms/link-group '{"group":"x"}' >/dev/null
expect 200 "$admin" POST $ms/link-group "{\"group_id\":\"$group\"}" >/dev/null
equal "$(expect 200 "$admin" GET $ms/status | jq -c '[.linked,.group_name]')" '[true,"Everyone"]' "status"
equal "$(expect 200 "$admin" GET $ms/group | jq -r .display_name)" Everyone "group details"
page=$(expect 200 "$admin" GET "$ms/group/members?limit=15")
seen=$(jq '.value|length' <<<"$page")
while next=$(jq -r '.nextLink // empty' <<<"$page"); [ -n "$next" ]; do
  page=$(expect 200 "$admin" GET "${next#"$url"}")
  seen=$((seen + $(jq '.value|length' <<<"$page")))
done
equal "$seen" 40 "members over all pages"

# Admin can add and remove a member.
expect 201 "$admin" POST $ms/group/members '{"email":"person3@contoso.example"}' >/dev/null
expect 200 "$admin" POST $ms/group/members '{"email":"person3@contoso.example"}' >/dev/null
expect 204 "$admin" DELETE $ms/group/members/00000000-0000-4000-8000-000001000003 >/dev/null
equal "$(graph groups/$group/members | jq -r '(.members // .value // .) | length')" 40 "members after adding and removing one"

# Member sync: 202, and the job tells the rest; its live events end by themselves.
job=$(expect 202 "$admin" POST $ms/sync-members | jq -r .job_id)
grep -qi "^operation-location: $url/api/v1/jobs/$job" "$work/head" || fail "no Operation-Location: $(cat "$work/head")"
timeout 60 curl -sSN -H "Authorization: Bearer $admin" -H 'Accept: text/event-stream' "$url/api/v1/jobs/$job/events" >"$work/events"
grep -q '^event: ' "$work/events" || fail "no events: $(cat "$work/events")"
equal "$(expect 200 "$admin" GET /api/v1/jobs/$job | jq -r .state)" succeeded "the job's state"
equal "$(graph groups/$group/members | jq -r '(.members // .value // .) | length')" 60 "members after the sync"

# A person connects their mail, as a browser does: the link, the page, the sign-in at Entra ID, and back.
member_url=$url
start_front connect ROLLCALL_PUBLIC_URL=http://front.example ROLLCALL_VAULT_KEYS="k1:$(openssl rand -base64 32)"
until_true 20 "that front has the keys" eval '[ "$(curl -s -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $member" "$url/api/v1/connections")" = 200 ]'
link=$(expect 201 "$member" POST /api/v1/connections '{"connector":"mail"}' | jq -r .connect_url)
curl -fsS -c "$work/cookies" "$url${link#http://front.example}" >"$work/page.html"
there=$(grep -o 'href="[^"]*authorize[^"]*"' "$work/page.html" | cut -d'"' -f2 | sed 's/&amp;/\&/g')
back=$(curl -fsS -o /dev/null -w '%{redirect_url}' "$there&login_hint=person1@contoso.example")
curl -fsS -b "$work/cookies" "$url${back#http://front.example}" | grep -q '>Connected<' || fail "the connection was not made"
equal "$(expect 200 "$member" GET /api/v1/connections | jq -r '.value[] | select(.connector == "mail") | .state')" connected "the connection's state"

# Tokens are in memory alone, people's also sealed: neither database nor topics nor logs hold one, or the parts that make it one.
graph tokens | jq -r '.tokens[]' >"$work/known-tokens"
[ "$(wc -l <"$work/known-tokens")" -ge 3 ] || fail "the sandbox gave fewer tokens than there are askers"
cut -d. -f2 "$work/known-tokens" >"$work/token-parts"
cut -d. -f3 "$work/known-tokens" >>"$work/token-parts"
mkdir "$work/searched"
for topic in $(rollcall topics list --json | jq -r '.[].name | select(startswith("rollcall."))'); do
  "$bin/rollcall" topics tail "$topic" --from-start --json >"$work/searched/$topic" &
  pids+=($!)
done
until_true 60 "the topics were read up to what happened here" \
  eval 'grep -q connection_made "$work/searched/rollcall.audit" && grep -q "$job" "$work/searched/rollcall.runs"'
until_true 60 "the audit trail has the connection" eval '[ "$(sql "SELECT count(*) FROM audit.events WHERE action = '"'connection_made'"'")" = 1 ]'
pg_dump "$DATABASE_URL" >"$work/searched/database"
grep -q 'COPY vault.grants' "$work/searched/database" || fail "the dump has no vault"
cp "$work"/*.log "$work/searched"
head -n 1 "$work/known-tokens" | grep -qF -f "$work/token-parts" || fail "the search would find nothing"
found=$(grep -lF -f "$work/token-parts" "$work"/searched/* || true)
equal "$found" "" "where a token stands"
url=$member_url

# Strangers.
equal "$(curl -s -o /dev/null -w '%{http_code}' "$url$ms/status")" 401 "without a token"
expect 401 "${admin}x" GET $ms/status >/dev/null
expect 403 "$member" GET $ms/status >/dev/null
for path in $ms/status $ms/group /api/v1/jobs/$job; do expect 404 "$stranger" GET "$path" >/dev/null; done
expect 200 "$operator" GET $ms/status >/dev/null

# Admin can unlink; the group is not deleted. A new one is created once, also where the request is repeated.
expect 204 "$admin" DELETE $ms/unlink-group >/dev/null
equal "$(graph groups/$group/members | jq -r '(.members // .value // .) | length')" 60 "members after unlinking"
created=$(expect 201 "$admin" POST $ms/create-group '{"display_name":"New group"}')
equal "$(jq -c '[.visibility,.kind]' <<<"$created")" '["Private","microsoft365"]' "a new group"

# Copilot's actions, each within two seconds, and on record.
act() {  # act TOKEN OPERATION PARAMETERS
  curl -sS --max-time 2 -H "Authorization: Bearer $1" -H 'Content-Type: application/json' "$url/copilot/v1/actions" \
    -d "{\"operation\":\"$2\",\"caller_identity\":\"person0@contoso.example\",\"parameters\":$3}"
}
equal "$(act "$admin" query_advisor_findings '{"severity":"high"}' | jq -c 'keys')" '["more","results"]' "findings for Copilot"
equal "$(act "$admin" query_ops_runs '{"limit":1,"fields":"worker"}' | jq -c '.results[0]|keys')" '["worker"]' "runs for Copilot"
scan=$(act "$admin" trigger_advisor_scan "{\"organization_id\":\"$org\"}" | jq -r .job_id)
equal "$(expect 200 "$admin" GET /api/v1/jobs/$scan | jq -r .worker)" advisor-scan "the scan that Copilot asked for"
equal "$(act "$admin" acknowledge_finding '{"finding_id":"00000000-0000-4000-8000-00000000dead","why":"because"}' | jq -r .code)" finding_not_found \
  "a finding that is not there"
equal "$(act "$member" query_ops_runs '{}' | jq -r .code)" caller_identity_mismatch "another's name"
equal "$(rollcall runs list --calls --json | jq -c 'map([.operation,.state,.error_code])|sort')" \
  '[["acknowledge_finding","failed","finding_not_found"],["query_advisor_findings","succeeded",null],["query_ops_runs","failed","caller_identity_mismatch"],["query_ops_runs","succeeded",null],["trigger_advisor_scan","succeeded",null]]' \
  "calls on record"

# The document says what is served.
equal "$(curl -fsS "$url/openapi.json" | jq -r .openapi)" 3.1.0 "OpenAPI"
equal "$(curl -fsS "$url/openapi-copilot.json" | jq -r .openapi)" 3.0.3 "OpenAPI for Copilot"
equal "$(curl -fsS "$url/openapi-copilot.json" | jq '.paths|length')" 4 "Copilot's actions in it"

# Where a scope is asked of people, a token without it opens nothing.
kill -TERM "$pid_front"
until_true 20 "the front stops" eval '! kill -0 "$pid_front"'
export ROLLCALL_API_SCOPE=Rollcall.Access
start_front scoped
scoped=$(rollcall sandbox token --user person0@contoso.example)
until_true 20 "the front has the keys" eval '[ "$(curl -s -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $scoped" "$url$ms/status")" = 200 ]'
equal "$(expect 403 "$admin" GET $ms/status | jq -r .code)" scope_missing "a token without the scope"
unset ROLLCALL_API_SCOPE

# Switched off, the Microsoft endpoints are not there, for nobody.
kill -TERM "$pid_scoped"
until_true 20 "the front stops" eval '! kill -0 "$pid_scoped"'
start_front off MS_AUTH_ENABLED=false
for path in status group group/members; do equal "$(expect 404 "$admin" GET "$ms/$path" | jq -r .code)" microsoft_disabled "$path switched off"; done
echo "passed"
