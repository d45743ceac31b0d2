#pragma once
#include "common/core/json.h"
#include "common/postgres/postgres.h"

#include <string>

/// Columns as the commands show them.
namespace rollcall::cli {

/// SQL for a timestamp as RFC 3339 text in UTC.
inline std::string time_of(const std::string& column) {
  return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
}
inline Json or_null(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? Json(nullptr) : Json(row.text(i));
}
inline std::string or_dash(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::string("-") : row.text(i);
}

}  // namespace rollcall::cli
