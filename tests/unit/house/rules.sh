#!/usr/bin/env bash
# The rules of the house that a compiler does not check. Prints each breach; silent success.
set -u
cd "${1:-${ROLLCALL_SOURCE:?}}" || exit 2
breaches=0
breach() { [ -n "$2" ] && { printf '%s:\n%s\n' "$1" "$2"; breaches=1; }; }
sources() { find "$@" -name '*.h' -o -name '*.cpp' 2>/dev/null; }
breach "common includes a worker" "$(grep -nE '^#include "workers/' $(sources common))"
for worker in workers/*/; do
  name=$(basename "$worker")
  breach "$name includes another worker" "$(grep -nE '^#include "workers/' $(sources "$worker") | grep -v "\"workers/$name/")"
done
# Decisions touch nothing outside: no clock, no randomness, no environment, no vendor's header.
cores=$(sources common/core workers/*/core | grep -v '^common/core/clock')
breach "a core reaches outside" "$(grep -nE '::now\(|getenv|random_device|sleep_for|#include <(pqxx|librdkafka|curl|boost|openssl|spdlog|fstream|filesystem)' $cores)"
breach "a worker's core includes more than common/core and itself" \
  "$(grep -nE '^#include "' $(sources workers/*/core) | grep -vE '"common/core/|"workers/[a-z_]+/core/')"
# One folder per vendor.
vendor() { breach "$1 outside $2" "$(grep -nE "#include <$1" $(sources common workers ops tests) | grep -vE "^($2)")"; }
vendor pqxx/ common/postgres/
vendor librdkafka/ 'common/kafka/|ops/sandbox/kafka/|tests/bench/kafka_client'
vendor curl/ common/http_client/
vendor boost/ common/http_server/
vendor spdlog/ common/log/
vendor prometheus/ common/metrics/
vendor valijson/ common/schema/
vendor sodium common/vault/
vendor openssl/ 'common/crypto/|ops/sandbox/graph/keys|tests/unit/(auth|foundation)/'
vendor CLI/ ops/cli/
vendor yaml-cpp/ ops/cli/manifest/
vendor zip.h ops/cli/manifest/
breach "sleeping, which no stop can cut short" "$(grep -nE 'sleep_for|sleep_until|usleep\(' $(sources common workers ops))"
breach "an error swallowed" "$(grep -nE 'catch \(\.\.\.\) *\{ *\}' $(sources common workers ops))"
breach "longer than 400 lines" "$(wc -l $(sources common workers ops tests) | awk '$2 != "total" && $1 > 400')"
# A removal without /$ref would delete the user: its URL is written in one place.
breach "a removal URL outside common/graph" "$(grep -nE '/members/.*\$ref' $(sources common workers) | grep -v '^common/graph/' | grep -E 'DELETE|removal')"
exit $breaches
