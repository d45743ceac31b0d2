#!/usr/bin/env bash
# The Copilot agent's package, by the built program: made twice in two time zones it is the same file, any reader of ZIP opens it and finds
# what its manifests name, and Microsoft's published schemas forbid nothing in it. These come out of the npm package that Microsoft's own
# tooling validates with.
#   tests/e2e/manifest.sh --get    only gets them (npm, into .rollcall): exit 1 where they cannot be had
# Without them that part is skipped; with ROLLCALL_REQUIRE_PUBLISHED_SCHEMAS=1 that is a failure.
set -euo pipefail
source_root=${ROLLCALL_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
package=@microsoft/app-manifest version=1.1.2
sha512=b9776663384871c862dd373d4a1de94c331ee79cf2ee07b5f5b9d8086075833bb285af39222ef07dd4ebbb0121aac79a5fda70b160d10793adfe5b6fd2b08e37
kept=$source_root/.rollcall/app-manifest-$version
published=$kept/package/build/json-schemas
get() {
  [ -e "$kept/complete" ] && return
  rm -rf "$kept" && mkdir -p "$kept"
  (cd "$kept" && npm pack --silent "$package@$version" >/dev/null && archive=$(echo ./*.tgz) &&
    echo "$sha512  $archive" | sha512sum --quiet --check && tar -xzf "$archive" && rm "$archive" && touch complete)
}
if [ "${1:-}" = --get ]; then get && exit 0 || exit 1; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
rollcall=${ROLLCALL_BIN:?}/rollcall

# The sources with every kind of runtime and capability, beside documents that do not move.
mkdir -p "$work/openapi" "$work/mcp"
cp -r "$source_root/schemas/agent" "$work/agent"
rm -rf "$work/agent/generated"
cp "$source_root/tests/data/agent/openapi.json" "$work/openapi/openapi-copilot.json"
cp "$source_root/tests/data/agent/tools.json" "$work/mcp/tools.json"
python3 - "$work/agent" "$source_root/tests/data/agent/right" <<'END'
import json, pathlib, sys
sources, cases = map(pathlib.Path, sys.argv[1:])
for name in ("mcp", "capabilities", "overridden_words"):
    for change in json.loads((cases / f"{name}.json").read_text())["changes"]:
        file = sources / change["file"]
        text = file.read_text()
        file.write_text(text.replace(change["find"], change["put"], 1) if "find" in change else text + change["append"])
END

build() { "$rollcall" manifest build --sources "$work/agent" --environment contoso --out "$work/$1" >/dev/null; }
TZ=Pacific/Auckland build first
(umask 077 && cd / && TZ=UTC build second)
for file in "$work"/first/*; do cmp "$file" "$work/second/$(basename "$file")" || fail "two builds differ"; done
python3 - "$work/first/rollcall_ops_advisor.zip" <<'END'
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
names = archive.namelist()
assert names == sorted(set(names)), names
read = lambda name: json.loads(archive.read(name))
app = read("manifest.json")
agent = read(app["copilotAgents"]["declarativeAgents"][0]["file"])
plugin = read(agent["actions"][0]["file"])
openapi = read(plugin["runtimes"][0]["spec"]["url"])
ids = {o["operationId"] for path in openapi["paths"].values() for o in path.values()}
assert set(plugin["runtimes"][0]["run_for_functions"]) == ids, ids
for which, size in (("color", 192), ("outline", 32)):
    head = archive.read(app["icons"][which])[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n" and head[16:] == size.to_bytes(4, "big") * 2, which
END

# What a build commits is checked; what somebody changed in it by hand is not let through.
cd "$work"
"$rollcall" manifest build --sources agent >/dev/null
"$rollcall" manifest check --sources agent >/dev/null || fail "what was built is not found good"
sed -i 's/"Rollcall Ops Advisor"/"Somebody else"/' agent/generated/declarativeAgent.json
"$rollcall" manifest check --sources agent --json >found.json && fail "drift was let through"
python3 -c 'import json; m = json.load(open("found.json"))["mistakes"]; assert [(x["code"], x["field"]) for x in m] == [("drift", "/name")], m'
"$rollcall" manifest build --sources agent >/dev/null

if ! get; then
  [ "${ROLLCALL_REQUIRE_PUBLISHED_SCHEMAS:-}" = 1 ] && fail "Microsoft's schemas cannot be had, and ROLLCALL_REQUIRE_PUBLISHED_SCHEMAS=1"
  echo "NOT TESTED: Microsoft's schemas cannot be had (npm pack $package@$version)"
  exit 77
fi
"$rollcall" manifest check --sources agent --published "$published" || fail "the published schemas forbid something"
# And they are listened to: what only they know of is found.
mkdir -p narrow && cp -r "$published/copilot" "$published/teams" narrow/
python3 - narrow/copilot/plugin/v2.4/schema.json <<'END'
import json, sys
schema = json.load(open(sys.argv[1]))
schema["properties"]["namespace"]["const"] = "contoso"
json.dump(schema, open(sys.argv[1], "w"))
END
"$rollcall" manifest check --sources agent --published narrow >found && fail "the published schemas are not listened to"
grep -q 'plugin.json: /namespace: .*(published_schema)' found || fail "the mistake is not told: $(cat found)"
echo passed
