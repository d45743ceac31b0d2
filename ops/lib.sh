# Shared by ops/run, ops/stop and ops/test; sourced, never run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$root/.rollcall

# Everything the build, the programs and the tests need, all from the distribution.
packages=(g++ cmake ninja-build ccache pkg-config git ca-certificates curl
  librdkafka-dev libpqxx-dev nlohmann-json3-dev catch2 librapidcheck-dev libboost1.81-dev libcurl4-openssl-dev libssl-dev libsodium-dev
  libspdlog-dev libfmt-dev prometheus-cpp-dev libvalijson-dev libcli11-dev libyaml-cpp-dev libzip-dev libhowardhinnant-date-dev libexpected-dev
  jq tzdata python3 openssl nginx-light postgresql-15 postgresql-client-15 util-linux)
java_packages=(openjdk-17-jre-headless maven)

# Every process of Rollcall, in the order in which ops/run starts them; ops/stop ends them the other way round.
processes=(member-sync group-health token-renewal advisor-scan audit-writer scheduler front)

say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_missing() {  # install_missing PACKAGE…
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "these packages are missing and sudo is not here: ${missing[*]}"
  say "installing ${#missing[@]} packages: ${missing[*]}"
  mkdir -p "$state"
  # A cluster made by the package at install time is of no use here: ours are private.
  as_root mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
    >"$state/install.log" 2>&1 || { tail -20 "$state/install.log" >&2; die "installing failed; the whole log: $state/install.log"; }
}

build() {  # build PRESET [cmake option…]
  local preset=$1 log=$state/build-$1.log
  shift
  mkdir -p "$state"
  say "building ($preset; the first time takes some minutes, see $log)"
  # Another checkout of the same tree finds what this one compiled.
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
  { cd "$root" && cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1 ||
    { grep -E 'error|FAILED' "$log" | head -40 >&2; tail -5 "$log" >&2; die "the build failed; the whole log: $log"; }
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))  # below the range from which the kernel gives out ports by itself
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

wait_for() {  # wait_for SECONDS WHAT COMMAND…
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || die "$what did not come up within $seconds s; see the logs in $state/log"
    sleep 0.1
  done
}
