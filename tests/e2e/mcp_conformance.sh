#!/usr/bin/env bash
# The official conformance suite of the Model Context Protocol against the front's transport, with the fixtures that the suite wants:
# every scenario that a revision requires must pass, in both eras, and what is required must have been run.
#   tests/e2e/mcp_conformance.sh --get    only gets the suite (npm, PyPI; into .rollcall): exit 1 where it cannot be had
# Without it the test is skipped; with ROLLCALL_REQUIRE_MCP=1 that is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = --get ]; then "$here/mcp/get" >/dev/null && exit 0 || exit 1; fi
if ! kept=$("$here/mcp/get"); then
  [ "${ROLLCALL_REQUIRE_MCP:-}" = 1 ] && { echo "no conformance suite could be had, and ROLLCALL_REQUIRE_MCP=1" >&2; exit 1; }
  echo "NOT TESTED: no conformance suite could be had (npm)"
  exit 77
fi
bin=${ROLLCALL_BIN:?}
work=$(mktemp -d)
server=
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
"$bin/mcp-conformance-server" >"$work/server.out" 2>"$work/server.log" &
server=$!
for _ in $(seq 100); do [ -s "$work/server.out" ] && break; sleep 0.1; done
url=$(jq -r .url "$work/server.out")
for revision in 2025-11-25:30 2026-07-28:37; do
  log=$work/${revision%:*}.log
  timeout 120 "$kept/node_modules/node/bin/node" "$kept/node_modules/@modelcontextprotocol/conformance/dist/index.js" server --url "$url" \
    --requirements "${revision%:*}" -o "$work/out" >"$log" 2>&1 || { sed -n '/=== SUMMARY/,$p' "$log"; tail -5 "$work/server.log"; echo "FAILED: ${revision%:*}" >&2; exit 1; }
  required=$(sed -n '/=== SUMMARY/,/^Total/p' "$log" | grep -c '^✓')
  echo "${revision%:*}: $required scenarios passed, of ${revision#*:} required"
  [ "$required" -ge "${revision#*:}" ] || { echo "FAILED: fewer scenarios ran than ${revision%:*} requires" >&2; exit 1; }
done
kill -0 "$server" || { echo "FAILED: the server died" >&2; exit 1; }
echo "passed"
