#include "common/postgres/migrate.h"

#include "common/core/error.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <thread>
#include <utility>

using namespace rollcall;
using postgres::Database;
using postgres::migrate;
using postgres::Migration;

namespace {

postgres::Options options() {
  postgres::Options out;
  out.url = test::fresh_database();
  return out;
}

const std::vector<Migration> two = {{"0001_a.sql", "CREATE TABLE a (id int); INSERT INTO a VALUES (1);"},
                                    {"0002_b.sql", "CREATE TABLE b (id int);"}};

std::pair<std::string, std::string> failure(Database& database, const std::vector<Migration>& migrations) {
  try {
    migrate(database, migrations);
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::config);
    return {error.code(), error.what()};
  }
  return {};
}

}  // namespace

TEST_CASE("the project's own migrations apply to a new database, once") {
  Database database(options());
  const auto all = postgres::project_migrations();
  REQUIRE_FALSE(all.empty());
  const auto first = migrate(database, all);
  CHECK(first.applied.size() == all.size());
  CHECK(first.applied.front() == all.front().name);
  const auto second = migrate(database, all);
  CHECK(second.applied.empty());
  CHECK(second.already_applied == static_cast<int>(all.size()));
  CHECK(database.query("SELECT 1 FROM public.rollcall_migrations WHERE length(sha256) = 64").size() ==
        all.size());
}

TEST_CASE("two that start at once apply each migration once") {
  Database database(options());
  std::vector<std::thread> threads;
  std::vector<postgres::MigrationReport> reports(4);
  for (auto& report : reports) {
    threads.emplace_back([&] { report = migrate(database, two); });
  }
  for (auto& thread : threads)
    thread.join();
  std::size_t applied = 0;
  for (const auto& report : reports)
    applied += report.applied.size();
  CHECK(applied == 2);
  CHECK(database.query("SELECT 1 FROM a").size() == 1);
}

TEST_CASE("one that was edited or is gone is refused, and nothing is applied") {
  Database database(options());
  migrate(database, two);
  auto edited = two;
  edited[0].sql += " -- changed";
  edited.push_back({"0003_c.sql", "CREATE TABLE c (id int)"});
  CHECK(failure(database, edited).first == "migration_edited");
  CHECK(failure(database, {two[0]}).first == "migration_edited");
  CHECK(database.query("SELECT 1 FROM public.rollcall_migrations").size() == 2);
}

TEST_CASE("one that fails is rolled back as a whole, those before it stay, and it can be mended") {
  Database database(options());
  auto failing = two;
  failing.push_back({"0003_c.sql", "CREATE TABLE c (id int); INSERT INTO c VALUES ('x');"});
  const auto [code, what] = failure(database, failing);
  CHECK(code == "migration_failed");
  CHECK(what.find("0003_c.sql") != std::string::npos);
  CHECK(what.find("invalid input syntax") != std::string::npos);
  CHECK(database.query("SELECT to_regclass('c') IS NULL")[0].flag(0));
  CHECK(database.query("SELECT 1 FROM public.rollcall_migrations").size() == 2);
  failing[2].sql = "CREATE TABLE c (id int);";
  CHECK(migrate(database, failing).applied == std::vector<std::string>{"0003_c.sql"});
}
