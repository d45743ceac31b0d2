#include "common/core/graph_messages.h"

#include "common/core/address_resolver.h"

#include <algorithm>

namespace rollcall::graph_messages {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return lower(text).find(part) != std::string::npos;
}

bool flag(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

bool already_exists(std::string_view message) {
  return contains(message, "already exist");
}

bool not_a_member(std::string_view message) {
  return contains(message, "removed object references do not exist");
}

bool not_replicated(std::string_view message) {
  return contains(message, "source resource object");
}

bool names(std::string_view message, const Uuid& id) {
  return contains(message, id.to_string());
}

std::string refusal_code(int status, std::string_view message) {
  if (status == 403) return contains(message, "guest") ? "guests_not_allowed" : "graph_not_permitted";
  const bool about_type =
      contains(message, "type") && (contains(message, "not allowed") || contains(message, "unsupported") ||
                                    contains(message, "not supported"));
  return about_type ? "member_type_not_allowed" : "graph_refused";
}

std::optional<Problem> unmanageable(const Json& group) {
  if (has_group_type(group, "DynamicMembership"))
    return Problem{"group_dynamic", "the group's membership follows a rule in Entra ID"};
  if (flag(group, "onPremisesSyncEnabled"))
    return Problem{"group_on_premises", "the group is mastered in the local Active Directory"};
  if (flag(group, "mailEnabled") && !has_group_type(group, "Unified"))
    return Problem{"group_mail_enabled_security",
                   "the group is a mail-enabled security group or a distribution list"};
  return std::nullopt;
}

bool has_group_type(const Json& group, std::string_view type) {
  const auto types = group.find("groupTypes");
  return types != group.end() && types->is_array() && std::ranges::find(*types, Json(type)) != types->end();
}

}  // namespace rollcall::graph_messages
