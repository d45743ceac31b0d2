#pragma once
#include "common/core/group_absence.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/core/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What the Microsoft endpoints decide without asking anybody.
namespace rollcall::front {

/// The name by which Graph knows the group that one intention makes: its alternate key (uniqueName), which no
/// two groups have and which never changes.
std::string unique_group_name(const Uuid& intent);
/// A mailNickname from a display name: what of it may stand in one, and a few digits of the intention, since
/// nicknames are unique in a tenant and names are not. At most 64 characters.
std::string mail_nickname_for(std::string_view display_name, const Uuid& intent);

/// "/groups/{group}/members?…": the first page.
std::string members_path(const Uuid& group, long limit);
/// The page that a cursor of ours stands for, as Graph's link named it, from its root on; nothing where it is
/// not a page of this group's members: whatever a caller makes of a cursor, we go nowhere else.
std::optional<std::string> members_page_path(const Uuid& group, std::string_view position);
/// What the cursor of the next page carries: the query of Graph's link, verbatim, as Graph asks for (paging).
/// Empty where `path` (without scheme, host and version) is no page of this group's members.
std::string members_position(const Uuid& group, std::string_view path);

struct GraphAnswer {
  int status = 0;  ///< 0: none came, outcome unknown
  std::string message;
};
enum class MemberOutcome {
  done,           ///< as asked, by us
  already,        ///< as asked, but somebody else did it
  absent,         ///< no such account (an addition)
  again,          ///< it may pass: try again
  group_missing,  ///< the group itself was not found
  refused,        ///< for good; refusal_code() of graph_messages says why
};
/// `maybe_done`: an earlier sending may have had its effect.
MemberOutcome judge_addition(const GraphAnswer& answer, const Uuid& group, const Uuid& member,
                             bool maybe_done);
MemberOutcome judge_removal(const GraphAnswer& answer, const Uuid& group, const Uuid& member,
                            bool maybe_done);

/// A group and a member as our callers see them, from Graph's own.
Json group_document(const Json& group, const std::optional<long>& member_count);
Json member_document(const Json& member);

}  // namespace rollcall::front
