#pragma once
#include "common/core/json.h"
#include "common/postgres/postgres.h"

#include <string>

/// Columns as answers show them, to people and programs alike.
namespace rollcall::postgres {

/// SQL for a timestamp as RFC 3339 text in UTC, as to_rfc3339() writes it.
inline std::string time_of(const std::string& column) {
  return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
}
inline Json or_null(const Row& row, std::size_t i) {
  return row.is_null(i) ? Json(nullptr) : Json(row.text(i));
}

}  // namespace rollcall::postgres
