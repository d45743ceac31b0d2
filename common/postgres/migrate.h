#pragma once
#include "common/postgres/postgres.h"

#include <string>
#include <vector>

namespace rollcall::postgres {

struct Migration {
  std::string name;  ///< "0001_directory.sql"
  std::string sql;
};
/// The project's own, compiled in, in order.
std::vector<Migration> project_migrations();

struct MigrationReport {
  std::vector<std::string> applied;
  int already_applied = 0;
};
/// Applies what has not run, in order, each in a transaction of its own, under an advisory lock (two may
/// start at once), recorded with its SHA-256 in public.rollcall_migrations. Throws Error{config}:
/// "migration_edited" where one that has run differs from its record or is missing from `migrations`,
/// "migration_failed" with PostgreSQL's own words.
MigrationReport migrate(Database& database, const std::vector<Migration>& migrations);

}  // namespace rollcall::postgres
