#!/usr/bin/env bash
# The rules hold for the tree, and each is able to fail: a copy with a planted breach is refused.
set -euo pipefail
rules=$(dirname "$0")/rules.sh
"$rules" "$ROLLCALL_SOURCE"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
plant() {  # plant FILE LINE
  rm -rf "$copy/tree"; mkdir "$copy/tree"; cp -r "$ROLLCALL_SOURCE"/{common,workers,ops,tests} "$copy/tree/"
  echo "$2" >>"$copy/tree/$1"
  if "$rules" "$copy/tree" >/dev/null; then echo "not noticed: $2 in $1"; exit 1; fi
}
plant common/core/ids.h '#include "workers/scheduler/loop.h"'
plant workers/scheduler/main.cpp '#include "workers/member_sync/handler.h"'
plant common/core/ids.cpp 'auto t = std::chrono::system_clock::now();'
plant workers/member_sync/core/plan.h '#include "common/postgres/postgres.h"'
plant workers/member_sync/main.cpp '#include <pqxx/pqxx>'
plant workers/scheduler/main.cpp 'std::this_thread::sleep_for(1s);'
plant common/core/json.cpp "$(yes '// x' | head -450)"
