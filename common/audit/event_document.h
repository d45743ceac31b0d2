#pragma once
#include "common/core/json.h"
#include "common/postgres/postgres.h"

#include <string>

/// An audit event as answers and exports show it, whoever gives them.
namespace rollcall::audit {

/// The first eleven columns of a row for event_document(); `table` is how the statement calls audit.events.
std::string event_columns(const std::string& table);
Json event_document(const postgres::Row& row);

}  // namespace rollcall::audit
