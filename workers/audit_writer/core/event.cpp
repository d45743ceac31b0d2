#include "workers/audit_writer/core/event.h"

#include "common/core/ids.h"
#include "common/core/lower.h"

#include <algorithm>
#include <array>
#include <string_view>

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

bool is_id(const std::string& text) {
  return Uuid::parse(text).has_value();
}

/// "2026-11-21T09:30:00Z", or with one to nine digits of fraction.
bool is_time(const std::string& text) {
  constexpr std::string_view form = "0000-00-00T00:00:00";
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() < form.size() + 1 || text.size() > form.size() + 11 || text.back() != 'Z') return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? !digit(text[i]) : text[i] != form[i]) return false;
  const std::string_view rest(text.data() + form.size(), text.size() - form.size() - 1);
  return rest.empty() || (rest.size() > 1 && rest[0] == '.' && std::ranges::all_of(rest.substr(1), digit));
}

bool is_action(const std::string& text) {
  const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
  return text.size() >= 2 && text.size() <= 64 && small(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return small(c) || c == '_'; });
}

// Lengths are of characters in the schema, and of bytes, which are no fewer, here.
template <std::size_t most>
bool is_short(const std::string& text) {
  return text.size() <= most;
}

struct Member {
  std::string_view name;
  bool (*plain)(const std::string&);
  bool required = false;
};
constexpr std::array members{Member{"event_id", is_id, true},
                             Member{"occurred_at", is_time, true},
                             Member{"tenant_id", is_short<256>, true},
                             Member{"actor", is_short<512>, true},
                             Member{"action", is_action, true},
                             Member{"organization_id", is_id},
                             Member{"group_id", is_id},
                             Member{"run_id", is_id},
                             Member{"member_object_id", is_id},
                             Member{"graph_request_id", is_short<128>}};

unexpected<Problem> violation(const std::string& message) {
  return unexpected<Problem>(Problem{"schema_violation", message});
}

}  // namespace

bool plainly_valid(const Json& value) {
  if (!value.is_object()) return false;
  std::size_t known = 0;
  for (const Member& member : members) {
    const auto found = value.find(member.name);
    if (found == value.end()) {
      if (member.required) return false;
      continue;
    }
    if (!found->is_string() || !member.plain(found->get_ref<const std::string&>())) return false;
    ++known;
  }
  if (const auto detail = value.find("detail"); detail != value.end()) {
    if (!detail->is_object()) return false;
    ++known;
  }
  return known == value.size();
}

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
