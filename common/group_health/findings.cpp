#include "common/group_health/findings.h"

#include "common/core/reasons.h"
#include "common/findings/findings.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace rollcall::group_health {
namespace {

using postgres::value;

struct Rule {
  State state;
  const char *id, *pillar, *severity, *title;
};
constexpr std::array rules{
    Rule{State::ownerless, "group_health.ownerless", "operations", "medium", "Nobody owns the linked group"},
    Rule{State::unmanageable, "group_health.unmanageable", "reliability", "high",
         "The members of the linked group cannot be changed"},
    Rule{State::soft_deleted, "group_health.soft_deleted", "reliability", "high",
         "The linked group was deleted, and can be restored for a while"},
    Rule{State::unreachable, "group_health.unreachable", "reliability", "medium",
         "The linked group cannot be looked at"},
    Rule{State::gone, "group_health.gone", "reliability", "high",
         "The linked group is gone for good, and its link was removed"},
};
constexpr const char* absence_rule = "group_health.mass_absence";
constexpr const char* access_rule = "group_health.access_lost";
/// There is one of a rule for an organization, or for the tenant: nothing tells them apart further.
constexpr const char* no_subject = "";

const Rule* rule_of(State state) {
  const auto* const found = std::ranges::find(rules, state, &Rule::state);
  return found == rules.end() ? nullptr : found;
}

bool changed(const Change& change) {
  return !change.before || change.before->group != change.group ||
         change.before->state != change.now->state || change.before->reason != change.now->reason;
}

/// A single failure of Graph is no news, nor is a replica that lags behind: the next look may find it well.
bool worth_telling(const Change& change) {
  if (change.now->state == State::healthy) return false;
  if (change.now->state != State::unreachable) return changed(change);
  return change.before && change.before->group == change.group && change.before->state == State::unreachable;
}

findings::Finding finding_of(const Change& change) {
  const Rule& rule = *rule_of(change.now->state);
  Json evidence = {{"group_id", change.group.to_string()}, {"reason", change.now->reason}};
  if (change.now->restorable_until) evidence["restorable_until"] = to_rfc3339(*change.now->restorable_until);
  return {change.tenant, change.organization, rule.id,
          no_subject,    rule.pillar,         rule.severity,
          rule.title,    std::move(evidence), std::string(cure_for(change.now->reason))};
}

using Standing = std::multimap<Uuid, findings::Key>;

/// By organization.
Standing standing(postgres::Transaction& transaction, const std::vector<Uuid>& organizations) {
  Standing found;
  for (const auto& row : transaction.query(
           "SELECT organization_id, tenant_id, rule FROM advisor.findings WHERE organization_id = "
           "ANY($1::uuid[]) AND rule LIKE 'group\\_health.%' AND state <> 'resolved'",
           {postgres::array(organizations)}))
    found.emplace(row.uuid(0), findings::Key{row.text(1), row.uuid(0), row.text(2), no_subject});
  return found;
}

void tell_of_tenant(postgres::Transaction& transaction, const std::string& tenant, const char* rule,
                    const std::string& title, const Json& evidence, const std::string& remedy) {
  findings::raise(transaction, {{tenant, std::nullopt, rule, no_subject, "reliability", "critical", title,
                                 evidence, remedy}});
}

}  // namespace

void tell(postgres::Transaction& transaction, const std::vector<Change>& changes) {
  std::vector<Uuid> news;
  // Of a group that cannot be looked at, nothing is known to have ended.
  for (const Change& change : changes)
    if (changed(change) && change.now->state != State::unreachable) news.push_back(change.organization);
  const Standing before = news.empty() ? Standing{} : standing(transaction, news);
  std::vector<findings::Finding> found;
  std::vector<findings::Key> ended;
  for (const Change& change : changes) {
    const Rule* rule = rule_of(change.now->state);
    const auto [first, last] = before.equal_range(change.organization);
    for (auto one = first; one != last; ++one)
      if (rule == nullptr || one->second.rule != rule->id) ended.push_back(one->second);
    if (worth_telling(change)) found.push_back(finding_of(change));
  }
  findings::resolve(transaction, ended);
  findings::raise(transaction, found);
}

void forget(postgres::Transaction& transaction, const Uuid& organization) {
  std::vector<findings::Key> ended;
  for (auto& [id, key] : standing(transaction, {organization}))
    ended.push_back(key);
  findings::resolve(transaction, ended);
}

void forget_unlinked(postgres::Transaction& transaction, const std::string& tenant) {
  std::vector<findings::Key> ended;
  for (const auto& row : transaction.query(
           "SELECT f.organization_id, f.rule FROM advisor.findings f JOIN directory.organizations o ON o.id "
           "= "
           "f.organization_id WHERE f.tenant_id = $1 AND f.rule LIKE 'group\\_health.%' AND f.rule <> $2 AND "
           "f.state <> 'resolved' AND o.microsoft_group IS NULL",
           {value(tenant), value(rule_of(State::gone)->id)}))
    ended.push_back({tenant, row.uuid(0), row.text(1), no_subject});
  findings::resolve(transaction, ended);
}

bool note_absence(postgres::Transaction& transaction, const std::string& tenant,
                  const AbsenceLimits& limits) {
  const auto row =
      transaction
          .query(
              "SELECT count(*) FILTER (WHERE h.missing_since IS NOT NULL AND h.group_id = "
              "o.microsoft_group), count(*) FILTER (WHERE h.state = 'gone' AND h.since > now() - interval "
              "'1 day' AND o.microsoft_group IS NULL), count(o.microsoft_group) FROM "
              "directory.organizations o LEFT JOIN sync.group_health h ON h.organization_id = o.id WHERE "
              "o.tenant_id = $1",
              {value(tenant)})
          .at(0);
  const auto cleared = static_cast<std::size_t>(row.number(1));
  const std::size_t absent = static_cast<std::size_t>(row.number(0)) + cleared;
  const std::size_t linked = static_cast<std::size_t>(row.number(2)) + cleared;
  if (!suspicious(absent, linked, limits)) {
    findings::resolve(transaction, {{tenant, std::nullopt, absence_rule, no_subject}});
    return false;
  }
  tell_of_tenant(transaction, tenant, absence_rule,
                 "Microsoft Graph finds so few of the linked groups that no link is removed",
                 {{"absent", absent}, {"linked", linked}, {"reason", "guard_group_absence"}},
                 std::string(cure_for("guard_group_absence")));
  return true;
}

void note_access(postgres::Transaction& transaction, const std::string& tenant, const std::string& reason,
                 const std::string& message) {
  if (reason.empty()) {
    findings::resolve(transaction, {{tenant, std::nullopt, access_rule, no_subject}});
    return;
  }
  tell_of_tenant(transaction, tenant, access_rule, "Microsoft Graph shows none of the linked groups",
                 {{"reason", reason}, {"message", message}}, std::string(cure_for(reason)));
}

}  // namespace rollcall::group_health
