#include "workers/front/core/quota_view.h"

#include <algorithm>
#include <chrono>

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;

/// A member says every half second that it lives; the others take its share away after twelve. One that was
/// not heard for so long is only history.
constexpr auto silence = 12s;
constexpr auto forgotten = 10min;

}  // namespace

void QuotaView::read(const Json& message, WallTime at) {
  if (message.at("tenant_id") != tenant_id_) return;
  Quota& quota = quotas_[message.at("app_id")];
  if (message.at("kind") == "pause") {
    quota.paused_until =
        std::max(quota.paused_until, at + std::chrono::milliseconds(message.at("pause_ms").get<long>()));
    return;
  }
  auto& member = quota.members[message.at("member")];
  const bool older = !member.news.is_null() && member.news.at("sequence") > message.at("sequence");
  if (!older) member = {message, at};
}

Json QuotaView::document(WallTime now) const {
  Json quotas = Json::array();
  for (const auto& [app, quota] : quotas_) {
    Json members = Json::array();
    for (const auto& [id, member] : quota.members) {
      const auto unheard = std::max(now - member.at, 0ms);
      if (member.news.at("state") != "holding" || unheard > forgotten) continue;
      members.push_back({{"member", id},
                         {"instance", member.news.at("instance")},
                         {"hold", member.news.at("hold")},
                         {"ask", member.news.at("ask")},
                         {"want", member.news.at("want")},
                         {"short", member.news.at("short")},
                         {"heard_at", to_rfc3339(member.at)},
                         {"living", unheard <= silence}});
    }
    const bool paused = quota.paused_until > now;
    if (members.empty() && !paused) continue;
    quotas.push_back({{"app_id", app},
                      {"paused_until", paused ? Json(to_rfc3339(quota.paused_until)) : Json(nullptr)},
                      {"members", std::move(members)}});
  }
  return {{"quotas", std::move(quotas)}};
}

}  // namespace rollcall::front
