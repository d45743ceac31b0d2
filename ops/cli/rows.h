#pragma once
#include "common/postgres/columns.h"

#include <string>

/// Columns as the commands show them.
namespace rollcall::cli {

using postgres::or_null;
using postgres::time_of;

inline std::string or_dash(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::string("-") : row.text(i);
}

}  // namespace rollcall::cli
