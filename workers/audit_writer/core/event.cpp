#include "workers/audit_writer/core/event.h"

#include "common/core/lower.h"

#include <algorithm>

namespace rollcall::audit_writer {
namespace {

// Each month is a partition: a date made up must not make the table sprout thousands of them.
constexpr WallTime earliest = std::chrono::sys_days{std::chrono::year{2020} / 1 / 1};
constexpr std::chrono::days future_max{31};

bool has_nul(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().find('\0') != std::string::npos;
  if (value.is_object()) {
    return std::ranges::any_of(value.items(), [](const auto& item) {
      return item.key().find('\0') != std::string::npos || has_nul(item.value());
    });
  }
  return value.is_array() && std::ranges::any_of(value, has_nul);
}

std::optional<std::string> optional_text(const Json& value, const char* name) {
  const auto found = value.find(name);
  if (found == value.end()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<std::string> optional_id(const Json& value, const char* name) {
  auto id = optional_text(value, name);
  return id ? std::optional(lower(*id)) : std::nullopt;
}

unexpected<Problem> violation(const std::string& message) {
  return unexpected<Problem>(Problem{"schema_violation", message});
}

}  // namespace

Result<Event> to_event(const Json& value, WallTime now) {
  const auto occurred_at = parse_rfc3339(value.at("occurred_at").get<std::string>());
  if (!occurred_at) return violation("/occurred_at: no such day or time");
  if (*occurred_at < earliest || *occurred_at > now + future_max) {
    return violation("/occurred_at: before 2020 or more than 31 days ahead");
  }
  // Valid JSON, but neither text nor jsonb of PostgreSQL can hold it.
  if (has_nul(value)) return violation("a text holds the character U+0000");

  Event event;
  event.event_id = lower(value.at("event_id").get<std::string>());
  event.occurred_at = *occurred_at;
  event.tenant_id = value.at("tenant_id").get<std::string>();
  event.organization_id = optional_id(value, "organization_id");
  event.group_id = optional_id(value, "group_id");
  event.run_id = optional_id(value, "run_id");
  event.actor = value.at("actor").get<std::string>();
  event.action = value.at("action").get<std::string>();
  event.member_object_id = optional_id(value, "member_object_id");
  event.graph_request_id = optional_text(value, "graph_request_id");
  const auto detail = value.find("detail");
  event.detail = detail == value.end() ? "{}" : dump(*detail);
  return event;
}

std::string month_of(WallTime time) {
  return to_rfc3339(time).substr(0, 7) + "-01";
}

}  // namespace rollcall::audit_writer
