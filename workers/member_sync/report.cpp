#include "workers/member_sync/report.h"

#include "common/accounting/accounting.h"

#include <algorithm>

namespace rollcall::member_sync {
namespace {

constexpr std::size_t unresolved_max = 100;
constexpr std::size_t failures_max = 1000;
constexpr std::size_t unmatched_max = 1000;
// 39 bytes an id: three lists stay well below Kafka's default of 1 MB a message.
constexpr std::size_t shown_max = 7000;

Json texts(const Ids& ids, std::size_t max) {
  Json list = Json::array();
  for (std::size_t i = 0; i < std::min(ids.size(), max); ++i)
    list.push_back(ids[i].to_string());
  return list;
}

}  // namespace

void note_unresolved(Findings& findings, const std::vector<Resolution>& resolutions) {
  for (const Resolution& one : resolutions) {
    if (one.state == AddressState::resolved) continue;
    const bool ambiguous = one.state == AddressState::ambiguous;
    ++(ambiguous ? findings.ambiguous : findings.absent);
    if (findings.unresolved.size() < unresolved_max)
      findings.unresolved.push_back(
          {{"address", one.address}, {"code", ambiguous ? "address_ambiguous" : "address_not_found"}});
  }
}

Json to_json(const Findings& findings) {
  Json json = {{"already_member", findings.already_member}, {"member_count", findings.member_count},
               {"roster_version", findings.roster_version}, {"absent", findings.absent},
               {"ambiguous", findings.ambiguous},           {"unresolved", findings.unresolved}};
  if (findings.read_at) json["read_at"] = to_rfc3339(*findings.read_at);
  return json;
}

Findings findings_from_json(const Json& json) {
  Findings findings;
  findings.already_member = json.value("already_member", 0L);
  findings.member_count = json.value("member_count", 0L);
  findings.roster_version = json.value("roster_version", 0L);
  findings.read_at = parse_rfc3339(json.value("read_at", std::string{}));
  findings.absent = json.value("absent", 0L);
  findings.ambiguous = json.value("ambiguous", 0L);
  findings.unresolved = json.value("unresolved", Json::array());
  return findings;
}

Outcomes count(const Plan& plan, const std::vector<Settled>& settled) {
  Outcomes outcomes;
  for (const Settled& one : settled) {
    if (one.failed()) {
      ++outcomes.failed;
      if (outcomes.failures.size() < failures_max)
        outcomes.failures.push_back(
            {{"member", plan.member(one.change).to_string()}, {"code", one.code}, {"message", one.message}});
    } else if (!one.ours()) {
      // Somebody else was faster: an addition that stood already is a member; a removal that stood already is
      // nothing.
      outcomes.already += plan.is_add(one.change) ? 1 : 0;
    } else {
      ++(plan.is_add(one.change) ? outcomes.added : outcomes.removed);
    }
  }
  return outcomes;
}

Json result_json(const Report& report) {
  const Findings& findings = report.findings;
  const Outcomes& outcomes = report.outcomes;
  return {{"added", outcomes.added},
          {"removed", outcomes.removed},
          {"unmatched", report.plan.unmatched.size()},
          {"already_member", findings.already_member + outcomes.already},
          {"unresolved", findings.absent + findings.ambiguous},
          {"failed", outcomes.failed},
          {"dry_run", report.dry_run},
          {"requests", accounting::requests_of(report.usage)},
          {"duration_ms", report.duration.count()},
          {"unmatched_members", texts(report.plan.unmatched, unmatched_max)},
          {"unresolved_addresses",
           {{"address_not_found", findings.absent},
            {"address_ambiguous", findings.ambiguous},
            {"first", findings.unresolved}}},
          {"failures", outcomes.failures}};
}

Json shown_plan(const Plan& plan) {
  Json shown = {{"adds", texts(plan.adds, shown_max)},
                {"removals", texts(plan.removals, shown_max)},
                {"unmatched", texts(plan.unmatched, shown_max)}};
  if (std::max({plan.adds.size(), plan.removals.size(), plan.unmatched.size()}) > shown_max)
    shown["cut"] = {
        {"adds", plan.adds.size()}, {"removals", plan.removals.size()}, {"unmatched", plan.unmatched.size()}};
  return shown;
}

}  // namespace rollcall::member_sync
