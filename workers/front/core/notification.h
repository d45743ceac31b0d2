#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"

#include <optional>
#include <string>
#include <vector>

/// Change and lifecycle notifications of Microsoft Graph (change-notifications-delivery-webhooks and
/// -lifecycle-events). They carry no signature: what they say is only a reason to look.
namespace rollcall::front {

struct Notification {
  enum class Kind { changed, missed, reauthorization_required, subscription_removed };
  Kind kind = Kind::changed;
  std::string client_state;  ///< the subscription's, by which Graph proves itself
  std::string tenant_id;     ///< empty where it does not say
  std::optional<Uuid> subscription;
  std::optional<Uuid> group;  ///< that changed, where it names one
  std::optional<WallTime> expires_at;
};

/// One of the body's "value"; nothing where it is none of those above.
std::optional<Notification> read_notification(const Json& one);

/// "reauthorizationRequired" and its kin; empty for a change.
std::string lifecycle_name(Notification::Kind kind);

}  // namespace rollcall::front
