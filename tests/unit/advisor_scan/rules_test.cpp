#include "tests/unit/advisor_scan/world.h"

#include <functional>
#include <set>

using namespace rollcall;
using namespace rollcall::advisor_test;

namespace {

struct Spoilt {
  const char* rule;
  std::function<void(Snapshot&)> cause;
  std::function<void(Snapshot&)> nearly;  ///< just within the limit: found by no rule
};

const std::vector<Spoilt>& all_spoilt() {
  using S = Snapshot;
  static const std::vector<Spoilt> list = {
      {"advisor.members_unmatched", [](S& s) { s.histories[0].unmatched = 1; },
       [](S& s) { s.histories[0].worker = "other", s.histories[0].unmatched = 1; }},
      {"advisor.addresses_unresolved", [](S& s) { s.histories[0].unresolved = 2; },
       [](S& s) { s.histories[0].succeeded_run.reset(), s.histories[0].unresolved = 2; }},
      {"advisor.runs_failing", [](S& s) { s.histories[0].failures = 3; },
       [](S& s) { s.histories[0].failures = 2; }},
      {"advisor.group_stale", [](S& s) { s.linked[0].synced_at = now - 7 * 24h; },
       [](S& s) { s.linked[0].synced_at = now - 7 * 24h + 1s; }},
      {"advisor.group_stale", [](S& s) { s.linked[0].synced_at.reset(); },
       [](S& s) { s.linked[0].synced_at.reset(), s.linked[0].changed_at = now - 1h; }},
      {"advisor.drift_overdue",
       [](S& s) { s.linked[0].roster_changed = true, s.linked[0].read_at = now - 1h; },
       [](S& s) { s.linked[0].roster_changed = true, s.linked[0].read_at = now - 59min; }},
      {"advisor.drift_overdue",
       [](S& s) {
         s.schedules[0].schedule = every(2h), s.linked[0].marked_at = now - 3h;
         s.linked[0].read_at = now - 4h;
       },
       [](S& s) {
         s.schedules[0].schedule = every(2h), s.linked[0].marked_at = now - 3h;
         s.linked[0].read_at = now - 3h - 59min;
       }},
      {"advisor.sync_unscheduled", [](S& s) { s.schedules[0].paused = true; },
       [](S& s) {
         s.schedules[0].schedule.parameters = {{"organization_id", s.linked[0].id.to_string()}};
       }},
      {"advisor.groups_unchecked", [](S& s) { s.linked[0].checked_at = now - 7 * 24h; },
       [](S& s) { s.linked[0].checked_at = now - 7 * 24h + 1s; }},
      {"advisor.groups_unchecked", [](S& s) { s.linked[0].checked_at.reset(); },
       [](S& s) { s.linked[0].checked_at.reset(), s.linked[0].changed_at = now - 1h; }},
      {"advisor.audit_gap",
       [](S& s) {
         s.audit_gaps = {{id(1), id(2), now - 1h, 3, 2}};
       },
       [](S& s) {
         s.audit_gaps = {{id(1), id(2), now - 59min, 3, 2}};
       }},
      {"advisor.certificate_expiring",
       [](S& s) {
         s.certificates = {{"certificate", "k", "", now + 30 * 24h}};
       },
       [](S& s) {
         s.certificates = {{"certificate", "k", "", now + 30 * 24h + 1s}};
       }},
      {"advisor.grant_expiring",
       [](S& s) {
         s.grants = {{id(1), now - 72h}};
       },
       [](S& s) {
         s.grants = {{id(1), now - 72h + 1s}};
       }},
      {"advisor.credential_expiring",
       [](S& s) {
         s.credentials = {{"secret", "k", "", now - 1h}};
       },
       [](S& s) {
         s.credentials = {{"secret", "k", "", now + 31 * 24h}};
       }},
      {"advisor.permissions_excessive", [](S& s) { s.permissions.emplace_back("Mail.Read"); },
       [](S& s) { s.permissions.emplace_back("Application.Read.All"); }},
      {"advisor.permissions_missing", [](S& s) { s.permissions.erase(s.permissions.begin()); },
       [](S& s) { s.permissions[0] = "Group.ReadWrite.All"; }},
      {"advisor.dead_letters",
       [](S& s) {
         s.dead_letters = {{"a.dead", 1, {{"x", 1}}, now}};
       },
       [](S& s) {
         s.dead_letters = {{"a.dead", 0, {}, {}}};
       }},
      {"advisor.full_reads_frequent",
       [](S& s) {
         s.schedules[0].schedule.parameters = {{"full_read", true}};
       },
       [](S& s) {
         s.schedules[0].schedule.parameters = {{"full_read", true}};
         s.schedules[0].schedule.interval = 24h;
       }},
      {"advisor.runs_starving",
       [](S& s) {
         s.queues = {{"w", 1, now - 15min, {}, 1, false}};
       },
       [](S& s) {
         s.queues = {{"w", 1, now - 14min, now - 3h, 1, false}};
       }},
      {"advisor.runs_starving",
       [](S& s) {
         s.queues = {{"w", 1, {}, now - 16min, 0, false}};
       },
       [](S& s) {
         s.queues = {{"w", 1, {}, now - 16min, 1, false}};
       }},
      {"advisor.runs_starving",
       [](S& s) {
         s.queues = {{"w", 1, now - 15min, {}, 0, false}};
       },
       [](S& s) {
         s.queues = {{"w", 1, now - 15min, {}, 0, true}};
       }},
      {"advisor.throttling",
       [](S& s) {
         s.traffic = {1'000, 50};
       },
       [](S& s) {
         s.traffic = {1'000, 49};
       }},
      {"advisor.approval_waiting",
       [](S& s) {
         s.approvals = {{id(1), id(2), now - 72h, 1, "x"}};
       },
       [](S& s) {
         s.approvals = {{id(1), id(2), now - 71h, 1, "x"}};
       }},
      {"advisor.schedule_paused",
       [](S& s) {
         s.schedules.push_back({every(1h, "other"), true, false, now - 7 * 24h});
       },
       [](S& s) {
         s.schedules.push_back({every(1h, "other"), true, false, now - 6 * 24h});
       }},
      {"advisor.worker_paused",
       [](S& s) {
         s.pauses = {{"w", now - 7 * 24h}};
       },
       [](S& s) {
         s.pauses = {{"w", now - 6 * 24h}};
       }},
      {"advisor.application_hidden", [](S& s) { s.application_hidden = "status 403"; }, [](S&) {}},
  };
  return list;
}

}  // namespace

TEST_CASE("Where all is well, no rule finds anything") {
  CHECK(finding(healthy()).empty());
}

TEST_CASE("Each rule finds its cause, alone, and nothing just within its limit") {
  std::set<std::string> covered;
  for (const auto& [rule, cause, nearly] : all_spoilt()) {
    INFO(rule);
    auto spoilt = healthy();
    cause(spoilt);
    CHECK(finding(spoilt) == std::vector<std::string>{rule});
    auto sound = healthy();
    nearly(sound);
    CHECK(finding(sound).empty());
    covered.insert(rule);
  }
  CHECK(covered.size() == all_rules().size());
}

TEST_CASE("The table of rules is sound") {
  const std::set<std::string> pillars{"security", "reliability", "cost", "performance", "operations"};
  const std::set<std::string> severities{"low", "medium", "high", "critical"};
  std::set<std::string> ids, found;
  for (const auto& rule : all_rules()) {
    INFO(rule.id);
    CHECK(ids.insert(rule.id).second);
    CHECK(std::string(rule.id).starts_with("advisor."));
    CHECK(pillars.contains(rule.pillar));
    CHECK(severities.contains(rule.severity));
    CHECK(std::string(rule.remedy).size() > 20);
    CHECK(find_rule(rule.id) == &rule);
    found.insert(rule.pillar);
  }
  CHECK(found == pillars);
  CHECK(find_rule("advisor.nothing") == nullptr);
}

TEST_CASE("A rule whose source was not read finds nothing, and says so") {
  for (const auto& [rule, cause, nearly] : all_spoilt()) {
    INFO(rule);
    const auto& one = *find_rule(rule);
    auto spoilt = healthy();
    cause(spoilt);
    for (unsigned bit = 1; bit <= static_cast<unsigned>(Source::permissions); bit <<= 1U) {
      const auto source = static_cast<Source>(bit);
      auto partial = spoilt;
      partial.read.bits &= ~bit;
      CHECK(judge(one, partial, default_limits()).has_value() == !one.sources.has(source));
    }
    auto scoped = spoilt;
    scoped.organization = id(1);
    CHECK(judge(one, scoped, default_limits()).has_value() == !one.tenant);
  }
}

TEST_CASE("What is urgent is told as such") {
  auto snapshot = healthy();
  snapshot.credentials = {{"secret", "a", "", now + 8 * 24h}, {"secret", "b", "", now + 23h}};
  snapshot.grants = {{id(1), now - 84 * 24h}, {id(2), now - 1h}};
  const auto lapsing = expiring_grants(snapshot, default_limits());
  REQUIRE(lapsing.size() == 1);
  CHECK(lapsing[0].severity == std::string("high"));
  CHECK(lapsing[0].evidence["grants"] == 1);
  CHECK(lapsing[0].evidence["first_lapses_at"] == to_rfc3339(now + 6 * 24h));
  auto found = expiring_credentials(snapshot, default_limits());
  REQUIRE(found.size() == 2);
  CHECK(found[0].severity == nullptr);
  CHECK(found[1].severity == std::string("critical"));
  CHECK(found[1].evidence["ended"] == false);
  snapshot.credentials[0].ends_at = now + 7 * 24h;
  CHECK(expiring_credentials(snapshot, default_limits())[0].severity == std::string("high"));
  // Registered as well as set: one finding for the two.
  snapshot.certificates = {{"certificate", "thumbprint", "", now + 23h}};
  found = expiring_credentials(snapshot, default_limits());
  REQUIRE(found.size() == 1);
  CHECK(found[0].subject == "a");
  snapshot.permissions.emplace_back("Sites.FullControl.All");
  snapshot.permissions.emplace_back("Mail.ReadWrite");
  const auto excess = excessive_permissions(snapshot, default_limits());
  REQUIRE(excess.size() == 1);
  CHECK(excess[0].severity == std::string("high"));
  CHECK(excess[0].evidence["permissions"] == Json({"Mail.ReadWrite", "Sites.FullControl.All"}));
}

TEST_CASE("The nearest of several schedules counts, and of an expression its longest pause") {
  auto snapshot = healthy();
  auto nightly = every(1h, "nightly");
  nightly.interval.reset();
  nightly.cron = "0 3 * * 1-5";  // from Friday to Monday it is 72 h
  snapshot.schedules = {{nightly, false, false, {}}};
  auto& group = snapshot.linked[0];
  group.roster_changed = true;
  group.synced_at = group.read_at = now - 143h;
  CHECK(finding(snapshot).empty());
  group.synced_at = group.read_at = now - 144h;
  CHECK(finding(snapshot) == std::vector<std::string>{"advisor.drift_overdue"});
  auto own = every(6h, "own");
  own.parameters = {{"organization_id", group.id.to_string()}};
  snapshot.schedules.push_back({own, false, false, {}});
  group.synced_at = group.read_at = now - 12h;
  const auto found = overdue_drift(snapshot, default_limits());
  REQUIRE(found.size() == 1);
  CHECK(found[0].evidence["schedule_seconds"] == 6 * 3600);
}

TEST_CASE("The runs of an organization that lack audit events are one finding") {
  auto snapshot = healthy();
  snapshot.audit_gaps = {{id(1), id(11), now - 2h, 5, 2},
                         {id(1), id(12), now - 3h, 1, 0},
                         {id(2), id(13), now - 2h, 1, 0},
                         {id(3), id(14), now - 2h, 1, 1}};
  const auto found = audit_gaps(snapshot, default_limits());
  REQUIRE(found.size() == 2);
  CHECK(found[0].evidence["missing"] == 4);
  CHECK(found[0].evidence["runs"] == 2);
  CHECK(found[0].evidence["first"].size() == 2);
  CHECK(found[1].organization == id(2));
}
