#include "workers/group_health/core/judge.h"

#include "common/core/graph_messages.h"
#include "common/core/group_absence.h"

#include <utility>

namespace rollcall::group_health {
namespace {

constexpr const char* may_read_groups = "GroupMember.Read.All or Group.Read.All";
constexpr const char* may_read_deleted = "Group.Read.All";

bool found(int status) {
  return status >= 200 && status < 300;
}

bool may_pass(int status) {
  return status == 0 || status == 408 || status == 423 || status == 424 || status == 429 || status >= 500;
}

/// The service's own sentence goes along with ours.
std::string with_answer(const std::string& text, const Look& look) {
  return look.message.empty() ? text : text + " (" + look.message + ")";
}

Verdict verdict(State state, std::string reason, std::string message) {
  Verdict made;
  made.state = state;
  made.reason = std::move(reason);
  made.message = std::move(message);
  return made;
}

std::optional<long> owners_of(const Json& group) {
  const auto owners = group.find("owners");
  if (owners == group.end() || !owners->is_array()) return std::nullopt;
  return static_cast<long>(owners->size());
}

Verdict judge_present(const Json& group, bool may_change_privileged) {
  Verdict made = verdict(State::healthy, "", "");
  const auto role = group.find("isAssignableToRole");
  const bool privileged = role != group.end() && role->is_boolean() && role->get<bool>();
  if (const auto problem = graph_messages::unmanageable(group)) {
    made = verdict(State::unmanageable, problem->code, problem->message);
  } else if (privileged && !may_change_privileged) {
    made = verdict(State::unmanageable, "group_role_assignable",
                   "roles of Entra ID can be assigned to the group, so that its members are protected");
  } else if (owners_of(group) == 0) {
    made = verdict(State::ownerless, "group_ownerless", "nobody owns the group");
  }
  made.owners = owners_of(group);
  return made;
}

Verdict judge_absent(const Look& look) {
  if (found(look.deleted_status)) {
    Verdict made = verdict(State::soft_deleted, "group_deleted", "the group was deleted");
    made.restorable_until = parse_rfc3339(restorable_until(look.deleted_at));
    return made;
  }
  if (look.deleted_status == 401 || look.deleted_status == 403)
    return verdict(State::unreachable, "graph_not_permitted",
                   std::string("the group is not found, and the app may not look among what was deleted: it "
                               "needs ") +
                       may_read_deleted);
  if (look.deleted_status != 404)
    return verdict(State::unreachable, "graph_unavailable",
                   "the group is not found, and Microsoft Graph did not say whether it was deleted");
  return found_nowhere();
}

}  // namespace

Verdict judge(const Look& look, bool may_change_privileged) {
  if (found(look.status) && look.properties.is_object())
    return judge_present(look.properties, may_change_privileged);
  if (look.status == 404) return judge_absent(look);
  if (look.status == 401 || look.status == 403)
    return verdict(
        State::unmanageable, "graph_not_permitted",
        with_answer(std::string("Microsoft Graph does not show the group: the app needs ") + may_read_groups,
                    look));
  if (found(look.status) || may_pass(look.status))
    return verdict(State::unreachable, "graph_unavailable",
                   with_answer("Microsoft Graph did not answer for the group", look));
  return verdict(State::unreachable, "graph_refused",
                 with_answer("Microsoft Graph refused to show the group", look));
}

}  // namespace rollcall::group_health
