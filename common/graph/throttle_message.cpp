#include "common/graph/throttle_message.h"

#include <array>
#include <utility>

namespace rollcall::graph {
namespace {

constexpr std::array<const char*, 2> quota_names{"resource_units", "writes"};
constexpr std::array<const char*, 3> state_names{"holding", "left", "released"};  // as ShareNews::State

template <class T>
Json per_quota(const std::array<T, 2>& values) {
  return {{quota_names[0], values[0]}, {quota_names[1], values[1]}};
}

template <class T>
std::array<T, 2> per_quota(const Json& value) {
  return {value.at(quota_names[0]).get<T>(), value.at(quota_names[1]).get<T>()};
}

Json base(const QuotaKey& key, const std::string& kind, const std::string& member) {
  return {{"kind", kind}, {"tenant_id", key.tenant_id}, {"app_id", key.app_id}, {"member", member}};
}

}  // namespace

Json to_json(const QuotaKey& key, const ShareNews& news) {
  Json value = base(key, "share", news.member);
  value["instance"] = news.instance;
  value["sequence"] = news.sequence;
  value["state"] = state_names.at(static_cast<std::size_t>(news.state));
  value["hold"] = per_quota(news.hold);
  value["reach"] = per_quota(news.reach);
  value["ask"] = per_quota(news.ask);
  value["want"] = per_quota(news.want);
  value["short"] = per_quota(news.is_short);
  return value;
}

Json to_json(const QuotaKey& key, const PauseNews& news) {
  Json value = base(key, "pause", news.member);
  value["pause_ms"] = news.pause.count();
  return value;
}

std::string message_key(const QuotaKey& key, const std::string& member) {
  const std::string quota = key.tenant_id + "|" + key.app_id;
  return member.empty() ? quota : quota + "|" + member;
}

std::optional<std::variant<ShareNews, PauseNews>> from_json(const QuotaKey& key, const Json& value) {
  if (QuotaKey{value.at("tenant_id"), value.at("app_id")} != key) return std::nullopt;
  if (value.at("kind") == "pause")
    return PauseNews{value.at("member"), std::chrono::milliseconds{value.at("pause_ms").get<std::int64_t>()}};
  ShareNews news;
  news.member = value.at("member");
  news.instance = value.at("instance");
  news.sequence = value.at("sequence");
  for (std::size_t i = 0; i < state_names.size(); ++i)
    if (value.at("state") == state_names[i]) news.state = static_cast<ShareNews::State>(i);
  news.hold = per_quota<double>(value.at("hold"));
  news.reach = per_quota<double>(value.at("reach"));
  news.ask = per_quota<double>(value.at("ask"));
  news.want = per_quota<double>(value.at("want"));
  news.is_short = per_quota<bool>(value.at("short"));
  return news;
}

}  // namespace rollcall::graph
