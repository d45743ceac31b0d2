#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// Which subscriptions Microsoft Graph should have of us, and what is to be done about it. Pure.
namespace rollcall::token_renewal {

/// One for all groups: a tenant has more of them than an app may have subscriptions (100).
inline constexpr const char* resource = "groups";
/// Of groups it fires for creation and soft deletion too (subscription).
inline constexpr const char* change_types = "updated";

/// What is wanted. Nothing of it where the settings ask for none.
struct Wanted {
  std::string url;                ///< of notifications and of lifecycle notifications
  std::string client_state_hash;  ///< of the secret they prove themselves with
};

/// A row of ours.
struct Kept {
  enum class State { creating, active };
  State state = State::active;
  std::optional<Uuid> id;  ///< Graph's; none while it is being created
  std::string url;
  std::string client_state_hash;
  std::optional<WallTime> renewed_at;  ///< created or renewed
};

/// One that Graph has.
struct Listed {
  Uuid id;
  std::string resource, change_types;
  std::string url, lifecycle_url;
  WallTime expires_at;
};

/// A lifecycle notification that nobody has acted on yet.
struct Notice {
  enum class Event { reauthorize, removed, missed };
  Uuid subscription;
  Event event = Event::missed;
  WallTime received_at;
};

struct Plan {
  std::optional<Listed> keep;  ///< the one that stays
  bool adopt = false;          ///< it is the one that was being created when its creator died
  bool renew = false;
  bool create = false;
  /// To be deleted at Graph: before another is created, since Graph may refuse two of a kind; and after it,
  /// so that nothing is lost where the new one cannot be had.
  std::vector<Uuid> remove_first, remove_after;
  std::vector<Uuid> forget;  ///< rows whose subscription Graph does not have any more
  bool sweep = false;        ///< changes may have gone unnoticed: all linked groups are to be looked at
};

/// `lifetime`: what a subscription is created or renewed for.
Plan decide(const std::optional<Wanted>& wanted, const std::vector<Kept>& kept,
            const std::vector<Listed>& listed, const std::vector<Notice>& notices, WallTime now,
            std::chrono::milliseconds lifetime);

/// When a quarter of the lifetime is left, and up to an eighth earlier, by its id: those of many tenants do
/// not fall due together.
WallTime renewal_due(const Listed& subscription, std::chrono::milliseconds lifetime);

/// Whether Graph could call it: https, or this machine itself, as for trying out.
bool callable(const std::string& public_url);

}  // namespace rollcall::token_renewal
