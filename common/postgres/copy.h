#pragma once
#include "common/postgres/postgres.h"

#include <string>
#include <vector>

namespace rollcall::postgres {

/// Rows into a table by COPY: for many rows into one table, the fewest bytes and the least of PostgreSQL's
/// time. `table` with its schema, as SQL has it; each row has a value for each of `columns`. Nothing is
/// skipped: a row that stands already fails the transaction. Errors as Database::transact().
void copy_in(Transaction& transaction, const std::string& table, const std::vector<std::string>& columns,
             const std::vector<std::vector<Value>>& rows);

/// The rows, of which there is at least one, in COPY's text format, the last line's end left out. Pure.
std::string copy_lines(const std::vector<std::vector<Value>>& rows);

}  // namespace rollcall::postgres
