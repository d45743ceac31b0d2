#!/usr/bin/env bash
# The official Python and TypeScript clients of the Model Context Protocol, of both eras, list and call every tool of a Rollcall that
# `ops/run --detach` has started, as an operator whose mail, files and calendar are connected. Run by run_once.sh, in the shell of .rollcall/env.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if ! kept=$("$here/mcp/get"); then
  [ "${ROLLCALL_REQUIRE_MCP:-}" = 1 ] && { echo "no MCP clients could be had, and ROLLCALL_REQUIRE_MCP=1" >&2; exit 1; }
  echo "NOT TESTED: no MCP clients could be had (npm, pip)"
  exit 0
fi
fail() { echo "FAILED: $*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
person=ada.abel@contoso.onmicrosoft.example
token=$(rollcall sandbox token --user $person --role Rollcall.Admin)
api() { curl -fsS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
tool() {  # tool NAME ARGUMENTS: the structured content
  api "$ROLLCALL_URL/mcp" -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"$1\",\"arguments\":$2}}" |
    jq -e '.result.structuredContent // error(tostring)'
}

# A person connects what the connectors need, as a browser does.
for connector in mail files calendar; do
  link=$(api "$ROLLCALL_URL/api/v1/connections" -d "{\"connector\":\"$connector\",\"write\":true}" | jq -r .connect_url)
  curl -fsS -c "$work/cookies" "$link" >"$work/page.html"
  there=$(grep -o 'href="[^"]*authorize[^"]*"' "$work/page.html" | cut -d'"' -f2 | sed 's/&amp;/\&/g')
  back=$(curl -fsS -o /dev/null -w '%{redirect_url}' "$there&login_hint=$person")
  curl -fsS -b "$work/cookies" "$back" | grep -q '>Connected<' || fail "$connector was not connected"
done

org=$(tool list_organizations '{}' | jq -r '.value[0].id')
member=$(tool list_group_members "{\"organization\":\"$org\",\"limit\":1}" | jq -r '.value[0].id')
job=$(tool list_jobs '{"state":"succeeded","operation":"sync-members","limit":1}' | jq -r '.value[0].id')
finding=$(psql -qtAX "$DATABASE_URL" -c "INSERT INTO advisor.findings (tenant_id, organization_id, rule, pillar, severity, title) VALUES
  ('$MS_AUTH_TENANT_ID', '$org', 'mcp_clients', 'security', 'low', 'Look') ON CONFLICT DO NOTHING RETURNING id")
message=$(tool list_mail '{"limit":1}' | jq -r '.messages[0].id // "none"')
file=$(tool list_files '{}' | jq -r '[.files[]? // .items[]? | select(.is_folder | not)][0].id // "none"')
jq -n --arg org "$org" --arg member "$member" --arg job "$job" --arg finding "$finding" --arg message "$message" --arg file "$file" '
  def with(arguments): {arguments: arguments};
  def refused(code; arguments): {arguments: arguments, refused: code};
  {organization: $org} as $o | {job: $job} as $j | {schedule: "advisor-scan"} as $s | {worker: "group-health"} as $w
  | {from: "2026-11-23T00:00:00Z", until: "2026-11-25T00:00:00Z"} as $range
  | {
    list_organizations: with({}), get_organization: with($o), get_group_status: with($o), get_group: with($o),
    list_group_members: with($o + {limit: 5}), list_roster: with($o + {limit: 5}),
    preview_drift: (with($o + {wait_seconds: 30}) + {progress: true}), sync_group_members: (with($o + {wait_seconds: 30}) + {progress: true}),
    add_group_member: with($o + {member_id: $member}), remove_group_member: with($o + {memberId: $member}),
    list_jobs: with({limit: 5}), get_job: with($j),
    cancel_job: refused("run_finished"; $j), retry_job: refused("run_not_failed"; $j),
    approve_job: refused("not_waiting_for_approval"; $j + {digest: "0123456789abcdef"}), reject_job: refused("not_waiting_for_approval"; $j),
    list_findings: with({limit: 5}), get_finding: with({finding: $finding}),
    acknowledge_finding: with({finding: $finding, why: "seen"}), dismiss_finding: with({finding: $finding, why: "as it should be"}),
    scan_organization: with($o + {wait_seconds: 30}), list_audit: with({limit: 5}),
    list_schedules: with({}), get_schedule: with($s), trigger_schedule: with($s), pause_schedule: with($s), resume_schedule: with($s),
    get_throttle: with({}), list_workers: with({}), pause_worker: with($w), resume_worker: with($w), list_connections: with({}),
    search_mail: with({query: "report"}), list_mail: with({limit: 2}), get_mail: with({id: $message}),
    search_sites: with({query: "Contoso"}), list_drives: with({}), search_files: with({query: "report"}), list_files: with({}),
    read_file: with({item: $file}), list_events: with($range),
    get_free_busy: with($range + {addresses: "'$person'"}),
    create_event: refused("confirmation_missing"; {subject: "Review", start: "2026-11-24T10:00:00", end: "2026-11-24T10:30:00"})
  }' >"$work/plan.json"
url=$ROLLCALL_URL/mcp
status=0
for era in legacy modern; do
  timeout 120 "$kept/python/bin/python" "$here/mcp/client.py" $era "$url" "$token" "$work/plan.json" || status=1
  timeout 120 "$kept/node_modules/node/bin/node" "$here/mcp/client.mjs" "$kept" $era "$url" "$token" "$work/plan.json" || status=1
done
[ $status = 0 ] || fail "a client was not served as it should be"

# Each of those calls is on record.
for name in $(jq -r 'keys[]' "$work/plan.json"); do
  [ "$(psql -qtAX "$DATABASE_URL" -c "SELECT count(*) FROM ops.runs WHERE kind = 'call' AND worker = 'mcp' AND operation = '$name' AND state IN ('succeeded', 'failed')")" -ge 4 ] ||
    fail "the calls of $name are not all on record"
done
echo "mcp_clients: passed"
