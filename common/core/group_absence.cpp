#include "common/core/group_absence.h"

#include "common/core/clock.h"

namespace rollcall {
namespace {

constexpr std::chrono::hours restorable_for{24 * 30};  // directory-deleteditems

}  // namespace

const char* to_string(GroupState state) {
  switch (state) {
    case GroupState::active:
      return "active";
    case GroupState::missing:
      return "missing";
    case GroupState::deleted:
      return "deleted";
    case GroupState::gone:
      return "gone";
  }
  return "missing";
}

GroupState judge_group(const GroupLook& first, const GroupLook& second, std::chrono::seconds linked_for) {
  const auto found = [](int status) { return status >= 200 && status < 300; };
  if (found(first.group) || found(second.group)) return GroupState::active;
  if (found(first.deleted) || found(second.deleted)) return GroupState::deleted;
  const auto nowhere = [](const GroupLook& look) { return look.group == 404 && look.deleted == 404; };
  const bool confirmed = nowhere(first) && nowhere(second) && linked_for >= replication_max;
  return confirmed ? GroupState::gone : GroupState::missing;
}

std::string restorable_until(std::string_view deleted_at) {
  const auto time = parse_rfc3339(deleted_at);
  return time ? to_rfc3339(*time + restorable_for) : std::string{};
}

}  // namespace rollcall
