#include "common/postgres/migrate.h"

#include "cmake/embedded.h"
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <algorithm>
#include <map>

namespace rollcall::postgres {
namespace {

/// Any fixed number of our own ("rollcall" in ASCII): whoever migrates this database takes it first.
constexpr const char* take_lock = "SELECT pg_advisory_xact_lock(8245928655720737900)";

using Records = std::map<std::string, std::string>;  // name -> sha256

Records records(Transaction& transaction) {
  Records found;
  for (const Row& row : transaction.query("SELECT name, sha256 FROM public.rollcall_migrations")) {
    found[row.text(0)] = row.text(1);
  }
  return found;
}

void check(const Records& recorded, const std::vector<Migration>& migrations) {
  for (const auto& [name, sha256] : recorded) {
    const auto match = std::find_if(migrations.begin(), migrations.end(),
                                    [&](const Migration& m) { return m.name == name; });
    if (match == migrations.end()) {
      throw Error(
          Fault::config, "migration_edited",
          "migration " + name +
              " has run on this database, but this program does not have it: use a program at least as "
              "new as the database");
    }
    if (crypto::sha256_hex(match->sql) != sha256) {
      throw Error(Fault::config, "migration_edited",
                  "migration " + name + " has been changed since it ran on this database");
    }
  }
}

/// Under the lock, in one transaction: whether it had to be applied.
bool apply(Transaction& transaction, const Migration& migration, const std::vector<Migration>& migrations) {
  transaction.execute(take_lock);
  // Read after the lock was got: another process may have applied it while we waited.
  const Records recorded = records(transaction);
  check(recorded, migrations);
  if (recorded.contains(migration.name)) return false;
  try {
    transaction.script(migration.sql);
    // A migration may SET things; the transaction's record must land in our table all the same, hence the
    // schema's name.
    transaction.execute("INSERT INTO public.rollcall_migrations (name, sha256) VALUES ($1, $2)",
                        {value(migration.name), value(crypto::sha256_hex(migration.sql))});
  } catch (const Error& error) {
    if (error.fault() == Fault::transient) throw;
    throw Error(Fault::config, "migration_failed",
                "migration " + migration.name + " failed: " + error.what());
  }
  return true;
}

}  // namespace

std::vector<Migration> project_migrations() {
  std::vector<Migration> all;
  for (const auto& file : embedded::migration_files())
    all.push_back({std::string(file.name), std::string(file.text)});
  return all;
}

MigrationReport migrate(Database& database, const std::vector<Migration>& migrations) {
  database.transact([&](Transaction& transaction) {
    transaction.execute(take_lock);  // CREATE TABLE IF NOT EXISTS is not safe against itself
    // Asked first: a role that may not create in public can still find that nothing is due.
    if (transaction.query("SELECT to_regclass('public.rollcall_migrations') IS NULL").front().flag(0)) {
      transaction.script(
          "CREATE TABLE public.rollcall_migrations ("
          "name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
    }
    check(records(transaction), migrations);
  });

  MigrationReport report;
  for (const Migration& migration : migrations) {
    if (database.transact(
            [&](Transaction& transaction) { return apply(transaction, migration, migrations); })) {
      log::info("migration_applied", {{"name", migration.name}});
      report.applied.push_back(migration.name);
    } else {
      ++report.already_applied;
    }
  }
  return report;
}

}  // namespace rollcall::postgres
