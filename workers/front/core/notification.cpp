#include "workers/front/core/notification.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace rollcall::front {
namespace {

using Kind = Notification::Kind;

constexpr auto lifecycle_kinds = std::to_array<std::pair<std::string_view, Kind>>({
    {"missed", Kind::missed},
    {"reauthorizationRequired", Kind::reauthorization_required},
    {"subscriptionRemoved", Kind::subscription_removed},
});

/// A member that is text; empty where it is not there or anything else.
std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// "groups/<id>", "Groups('<id>')", with or without what comes behind: the group it names.
std::optional<Uuid> group_in(std::string_view resource) {
  if (resource.starts_with('/')) resource.remove_prefix(1);
  constexpr std::string_view groups = "groups";
  const bool of_groups =
      resource.size() > groups.size() &&
      std::ranges::equal(resource.substr(0, groups.size()), groups, {}, [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      });
  if (!of_groups) return std::nullopt;
  resource.remove_prefix(groups.size());
  constexpr std::size_t id_length = 36;
  for (const std::string_view opening : {"/", "('"})
    if (resource.starts_with(opening)) return Uuid::parse(resource.substr(opening.size(), id_length));
  return std::nullopt;
}

std::optional<Kind> kind_of(const Json& one) {
  if (!one.contains("lifecycleEvent")) return Kind::changed;
  const std::string event = text_of(one, "lifecycleEvent");
  const auto found = std::ranges::find(lifecycle_kinds, event, &std::pair<std::string_view, Kind>::first);
  return found == lifecycle_kinds.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::optional<Notification> read_notification(const Json& one) {
  if (!one.is_object()) return std::nullopt;
  const auto kind = kind_of(one);
  if (!kind) return std::nullopt;
  Notification notification{*kind,
                            text_of(one, "clientState"),
                            text_of(one, "tenantId"),
                            Uuid::parse(text_of(one, "subscriptionId")),
                            group_in(text_of(one, "resource")),
                            parse_rfc3339(text_of(one, "subscriptionExpirationDateTime"))};
  if (notification.tenant_id.empty()) notification.tenant_id = text_of(one, "organizationId");
  return notification;
}

std::string lifecycle_name(Notification::Kind kind) {
  const auto found = std::ranges::find(lifecycle_kinds, kind, &std::pair<std::string_view, Kind>::second);
  return found == lifecycle_kinds.end() ? std::string() : std::string(found->first);
}

}  // namespace rollcall::front
