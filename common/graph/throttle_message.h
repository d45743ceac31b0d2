#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"
#include "common/graph/quota_share.h"

#include <chrono>
#include <optional>
#include <string>
#include <variant>

/// rollcall.throttle.v1 as values of ours. Pure; schemas/messages says what every field means.
namespace rollcall::graph {

/// A Retry-After that somebody was given, to be obeyed by all.
struct PauseNews {
  std::string member;  ///< who was given it
  std::chrono::milliseconds pause{0};
};

/// Whose quota it is.
struct QuotaKey {
  std::string tenant_id, app_id;
  friend bool operator==(const QuotaKey&, const QuotaKey&) = default;
};

inline constexpr const char* throttle_type = "rollcall.throttle.v1";

Json to_json(const QuotaKey& key, const ShareNews& news);
Json to_json(const QuotaKey& key, const PauseNews& news);
/// "tenant|app" for pauses, with the member for shares: what compaction keeps the last of.
std::string message_key(const QuotaKey& key, const std::string& member = {});
/// Nothing where it is another quota's. `value` has been checked against its schema.
std::optional<std::variant<ShareNews, PauseNews>> from_json(const QuotaKey& key, const Json& value);

}  // namespace rollcall::graph
