#pragma once
#include "common/postgres/postgres.h"

#include <string>
#include <string_view>

/// Bytes as PostgreSQL writes them: \x and two hexadecimal digits each.
namespace rollcall::postgres {

Value bytea(std::string_view bytes);
/// Empty for NULL. Throws Error{invalid, "database_refused"} for what is no bytea in hex.
std::string bytes_of(const Row& row, std::size_t column);

}  // namespace rollcall::postgres
