#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace rollcall::front {

/// What rollcall.throttle tells of one tenant's quotas, for people: who holds which part of them, and who
/// must wait until when. Pure; messages are given in their order.
class QuotaView {
 public:
  explicit QuotaView(std::string tenant_id) : tenant_id_(std::move(tenant_id)) {}
  /// A message that is as its schema says; `at`: when it was appended. Another tenant's is passed over.
  void read(const Json& message, WallTime at);
  /// {"quotas": [{"app_id", "paused_until", "members": […]}]}. Who has left, or has not been heard for long,
  /// is left out.
  [[nodiscard]] Json document(WallTime now) const;

 private:
  struct Member {
    Json news;
    WallTime at;
  };
  struct Quota {
    std::map<std::string, Member> members;
    WallTime paused_until{};
  };
  std::string tenant_id_;
  std::map<std::string, Quota> quotas_;  // by app
};

}  // namespace rollcall::front
