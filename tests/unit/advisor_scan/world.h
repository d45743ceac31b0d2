#pragma once
#include "tests/support/catch.h"
#include "workers/advisor_scan/core/reconcile.h"

#include <string>
#include <vector>

/// Snapshots in which all is well, to be spoilt by a test.
namespace rollcall::advisor_test {

using namespace advisor_scan;  // NOLINT: these tests are about nothing else
using namespace std::chrono_literals;

inline Uuid id(int number) {
  Uuid uuid;
  uuid.bytes[0] = 0x10;
  uuid.bytes[15] = static_cast<std::uint8_t>(number);
  return uuid;
}

inline const WallTime now = *parse_rfc3339("2026-11-21T12:00:00Z");

inline schedules::Schedule every(std::chrono::seconds interval, const std::string& name = "sync") {
  schedules::Schedule schedule;
  schedule.id = name;
  schedule.name = name;
  schedule.worker = "member-sync";
  schedule.operation = "sync-members";
  schedule.interval = interval;
  schedule.due = now;
  return schedule;
}

inline Snapshot healthy() {
  Snapshot snapshot;
  snapshot.taken_at = now;
  snapshot.read.bits = ~0U;
  snapshot.tenant_id = "tenant";
  snapshot.client_id = "client";
  snapshot.linked = {{id(1), id(101), now - 30 * 24h, now - 10min, now - 10min, false, {}, now - 10min}};
  snapshot.histories = {{id(1), "member-sync", 0, {}, "", id(201), 0, 0}};
  snapshot.schedules = {{every(15min), false, false, {}}};
  snapshot.traffic = {1'000, 0};
  snapshot.permissions = {"GroupMember.ReadWrite.All", "Group.Read.All", "User.Read.All"};
  return snapshot;
}

/// Rules that find something in it.
inline std::vector<std::string> finding(const Snapshot& snapshot, const Limits& limits = default_limits()) {
  std::vector<std::string> ids;
  for (const auto& rule : all_rules()) {
    const auto found = judge(rule, snapshot, limits);
    if (found && !found->empty()) ids.emplace_back(rule.id);
  }
  return ids;
}

}  // namespace rollcall::advisor_test
