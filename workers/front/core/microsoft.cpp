#include "workers/front/core/microsoft.h"

#include "common/core/graph_messages.h"

#include <algorithm>

namespace rollcall::front {
namespace {

constexpr std::size_t nickname_max = 64;
constexpr std::size_t position_max = 3496;  // as a cursor twice as long

std::string members_prefix(const Uuid& group) {
  return "/groups/" + group.to_string() + "/members?";
}

/// RFC 3986: what a query may hold. Above all no '#', no space and no line break.
bool is_query(std::string_view text) {
  constexpr std::string_view others = "-._~%!$&'()*+,;=:@/?";
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

bool may_pass(int status) {
  return status == 0 || status == 408 || status == 409 || status == 423 || status == 429 || status >= 500;
}

Json text_or_null(const Json& object, const char* name) {
  const auto text = text_member(object, name);
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

std::string unique_group_name(const Uuid& intent) {
  return "rollcall-" + intent.to_string();
}

std::string mail_nickname_for(std::string_view display_name, const Uuid& intent) {
  const std::string tail = intent.to_string().substr(28);  // the random end of it
  std::string nickname;
  for (const char c : display_name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) {
      nickname += c;
    } else if (!nickname.empty() && nickname.back() != '-') {
      nickname += '-';
    }
    if (nickname.size() + 1 + tail.size() >= nickname_max) break;
  }
  while (nickname.ends_with('-'))
    nickname.pop_back();
  return (nickname.empty() ? std::string("group") : nickname) + "-" + tail;
}

std::string members_path(const Uuid& group, long limit) {
  return members_prefix(group) +
         "$select=id,displayName,mail,userPrincipalName&$top=" + std::to_string(limit);
}

std::optional<std::string> members_page_path(const Uuid& group, std::string_view position) {
  if (position.empty() || position.size() > position_max || !is_query(position)) return std::nullopt;
  return members_prefix(group) + std::string(position);
}

std::string members_position(const Uuid& group, std::string_view path) {
  const std::string prefix = members_prefix(group);
  return path.starts_with(prefix) ? std::string(path.substr(prefix.size())) : std::string{};
}

MemberOutcome judge_addition(const GraphAnswer& answer, const Uuid& group, const Uuid& member,
                             bool maybe_done) {
  if (answer.status >= 200 && answer.status < 300) return MemberOutcome::done;
  if (may_pass(answer.status)) return MemberOutcome::again;
  if (answer.status == 400 && graph_messages::already_exists(answer.message))
    return maybe_done ? MemberOutcome::done : MemberOutcome::already;
  if (answer.status == 400 && graph_messages::not_replicated(answer.message)) return MemberOutcome::again;
  if (answer.status != 404) return MemberOutcome::refused;
  const bool names_group = graph_messages::names(answer.message, group);
  return names_group && !graph_messages::names(answer.message, member) ? MemberOutcome::group_missing
                                                                       : MemberOutcome::absent;
}

MemberOutcome judge_removal(const GraphAnswer& answer, const Uuid& group, const Uuid& member,
                            bool maybe_done) {
  const auto gone = maybe_done ? MemberOutcome::done : MemberOutcome::already;
  if (answer.status >= 200 && answer.status < 300) return MemberOutcome::done;
  if (may_pass(answer.status)) return MemberOutcome::again;
  if (answer.status == 400 && graph_messages::not_a_member(answer.message)) return gone;
  if (answer.status == 400 && graph_messages::not_replicated(answer.message)) return MemberOutcome::again;
  if (answer.status != 404) return MemberOutcome::refused;
  const bool names_group = graph_messages::names(answer.message, group);
  return names_group && !graph_messages::names(answer.message, member) ? MemberOutcome::group_missing : gone;
}

Json group_document(const Json& group, const std::optional<long>& member_count) {
  return {{"id", text_member(group, "id")},
          {"display_name", text_member(group, "displayName")},
          {"description", text_or_null(group, "description")},
          {"mail", text_or_null(group, "mail")},
          {"mail_nickname", text_or_null(group, "mailNickname")},
          {"visibility", text_or_null(group, "visibility")},
          {"kind", graph_messages::has_group_type(group, "Unified") ? "microsoft365" : "security"},
          {"member_count", member_count ? Json(*member_count) : Json(nullptr)},
          {"created_at", text_or_null(group, "createdDateTime")}};
}

Json member_document(const Json& member) {
  // "#microsoft.graph.user" → "user"
  const std::string type = text_member(member, "@odata.type");
  return {{"id", text_member(member, "id")},
          {"display_name", text_or_null(member, "displayName")},
          {"mail", text_or_null(member, "mail")},
          {"user_principal_name", text_or_null(member, "userPrincipalName")},
          {"type", type.empty() ? std::string("unknown") : type.substr(type.rfind('.') + 1)}};
}

}  // namespace rollcall::front
