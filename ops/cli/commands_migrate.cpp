#include "common/postgres/migrate.h"
#include "ops/cli/commands.h"

#include <algorithm>
#include <set>

namespace rollcall::cli {

std::string require_migrations(Context& context) {
  const auto known = postgres::project_migrations();
  std::set<std::string> applied;
  const auto there = context.database().query("SELECT to_regclass('public.rollcall_migrations') IS NOT NULL");
  if (there[0].flag(0))
    for (const auto& row : context.database().query("SELECT name FROM public.rollcall_migrations"))
      applied.insert(row.text(0));
  const auto waiting =
      std::ranges::count_if(known, [&](const auto& migration) { return !applied.contains(migration.name); });
  if (waiting > 0)
    throw Failure(failed, "migrations_waiting",
                  std::to_string(waiting) + " of " + std::to_string(known.size()) +
                      " migrations have not run on this database");
  if (applied.size() > known.size())
    throw Failure(failed, "migrations_newer", "the database is newer than this program");
  return "all " + std::to_string(known.size()) + " applied";
}

int migrate(Context& context, const Arguments&) {
  const auto report = postgres::migrate(context.database(), postgres::project_migrations());
  context.output.document({{"applied", report.applied}, {"already_applied", report.already_applied}});
  for (const auto& name : report.applied)
    context.output.line("applied " + name);
  if (report.applied.empty())
    context.output.line("nothing changed: all " + std::to_string(report.already_applied) +
                        " migrations have run already");
  return done;
}

}  // namespace rollcall::cli
