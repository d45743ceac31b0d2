#include "workers/advisor_scan/core/rules.h"

#include <algorithm>
#include <array>
#include <string_view>

/// What Rollcall signs in with, and what it may do then.
namespace rollcall::advisor_scan {
namespace {

constexpr std::size_t listed_max = 20;
/// Of a refresh token that is not used (refresh-tokens, "token lifetime").
constexpr milliseconds grant_lifetime = std::chrono::days{90};

/// Of each row, one is needed; the first is the least.
constexpr auto needed = std::to_array<std::array<std::string_view, 3>>({
    {"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"},
    {"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"},
    {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"},
});

/// What Rollcall has a use for: the above, creating groups, watching its own registration, and whatever is
/// contained in these.
constexpr auto used = std::to_array<std::string_view>(
    {"Application.Read.All", "Group.Create", "Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All",
     "GroupMember.ReadBasic.All", "GroupMember.ReadWrite.All", "User.Read.All", "User.ReadBasic.All"});

std::vector<Found> expiring(const std::vector<Credential>& credentials, WallTime now, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& one : credentials) {
    const auto left = one.ends_at - now;
    if (left > limits.credential_before) continue;
    found.push_back({std::nullopt,
                     one.id,
                     {{"kind", one.kind},
                      {"name", one.name},
                      {"ends_at", to_rfc3339(one.ends_at)},
                      {"ended", left <= milliseconds{0}}},
                     left <= limits.credential_last     ? "critical"
                     : left <= limits.credential_urgent ? "high"
                                                        : nullptr});
  }
  return found;
}

Json texts(const std::vector<std::string_view>& list) {
  Json json = Json::array();
  for (const auto one : list)
    json.push_back(std::string(one));
  return json;
}

}  // namespace

std::vector<Found> expiring_certificates(const Snapshot& snapshot, const Limits& limits) {
  return expiring(snapshot.certificates, snapshot.taken_at, limits);
}

/// Of several secrets all are told of: which one is in use, only its holder knows. The certificate of the
/// settings is registered too, and told of there.
std::vector<Found> expiring_credentials(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Credential> others;
  for (const auto& one : snapshot.credentials)
    if (std::ranges::find(snapshot.certificates, one.ends_at, &Credential::ends_at) ==
        snapshot.certificates.end())
      others.push_back(one);
  return expiring(others, snapshot.taken_at, limits);
}

/// Renewal keeps all of them younger than two days: what is older is not being renewed.
std::vector<Found> expiring_grants(const Snapshot& snapshot, const Limits& limits) {
  long unrenewed = 0;
  WallTime oldest = snapshot.taken_at;
  Json first = Json::array();
  for (const auto& grant : snapshot.grants) {
    if (snapshot.taken_at - grant.renewed_at < limits.grant_unrenewed) continue;
    ++unrenewed;
    oldest = std::min(oldest, grant.renewed_at);
    if (first.size() < listed_max) first.push_back(grant.id.to_string());
  }
  if (unrenewed == 0) return {};
  const WallTime lapses_at = oldest + grant_lifetime;
  return {{std::nullopt,
           "",
           {{"grants", unrenewed}, {"first", first}, {"first_lapses_at", to_rfc3339(lapses_at)}},
           lapses_at - snapshot.taken_at <= limits.credential_urgent ? "high" : nullptr}};
}

std::vector<Found> hidden_application(const Snapshot& snapshot, const Limits&) {
  if (snapshot.application_hidden.empty()) return {};
  return {{std::nullopt, snapshot.client_id, {{"answer", snapshot.application_hidden}}}};
}

std::vector<Found> excessive_permissions(const Snapshot& snapshot, const Limits&) {
  std::vector<std::string_view> excess;
  for (const auto& granted : snapshot.permissions)
    if (std::ranges::find(used, granted) == used.end()) excess.push_back(granted);
  if (excess.empty()) return {};
  std::ranges::sort(excess);
  const bool writes = std::ranges::any_of(
      excess, [](std::string_view one) { return one.find("Write") != std::string_view::npos; });
  return {{std::nullopt, snapshot.client_id, {{"permissions", texts(excess)}}, writes ? "high" : nullptr}};
}

std::vector<Found> missing_permissions(const Snapshot& snapshot, const Limits&) {
  std::vector<std::string_view> missing;
  for (const auto& alternatives : needed)
    if (std::ranges::none_of(alternatives, [&](std::string_view one) {
          return std::ranges::find(snapshot.permissions, one) != snapshot.permissions.end();
        }))
      missing.push_back(alternatives.front());
  if (missing.empty()) return {};
  return {{std::nullopt, snapshot.client_id, {{"permissions", texts(missing)}}}};
}

}  // namespace rollcall::advisor_scan
