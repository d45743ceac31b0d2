#pragma once
#include "common/core/json.h"
#include "ops/sandbox/graph/directory.h"

namespace rollcall::sandbox_graph {

/// `select` is a $select list; empty: the documented default properties.
Json user_json(const User& user, const std::string& select);
Json group_json(const Group& group, const std::string& select);
/// A member or owner with its @odata.type.
Json object_json(const Directory& directory, const Uuid& id, const std::string& select);

}  // namespace rollcall::sandbox_graph
