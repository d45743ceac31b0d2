#pragma once
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/core/result.h"

#include <optional>
#include <string>
#include <string_view>

/// What Microsoft Graph says about groups and their members, where its status and code do not tell: the one
/// place that knows its sentences (group-post-members, group-delete-members, and what Microsoft's own tools
/// match). Tolerant: a part of the sentence, in any case.
namespace rollcall::graph_messages {

/// "One or more added object references already exist …": the 400 has no code of its own.
bool already_exists(std::string_view message);
/// "One or more removed object references do not exist …"
bool not_a_member(std::string_view message);
/// "The source resource object or one of the objects being referenced don't exist": a group just created.
bool not_replicated(std::string_view message);
/// Whether it names this object.
bool names(std::string_view message, const Uuid& id);
/// The reason code of a refused change of one member: guests_not_allowed, graph_not_permitted,
/// member_type_not_allowed or graph_refused.
std::string refusal_code(int status, std::string_view message);

/// Why the members of a group cannot be changed through Graph, by its properties groupTypes, mailEnabled and
/// onPremisesSyncEnabled; nothing where they can.
std::optional<Problem> unmanageable(const Json& group);
/// Whether `type` ("Unified") stands among its groupTypes.
bool has_group_type(const Json& group, std::string_view type);

}  // namespace rollcall::graph_messages
