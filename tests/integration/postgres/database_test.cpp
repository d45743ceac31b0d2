#include "common/core/error.h"
#include "common/postgres/copy.h"
#include "common/postgres/postgres.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <atomic>
#include <stdexcept>
#include <thread>

using namespace rollcall;
using postgres::Database;
using postgres::Transaction;
using postgres::value;

namespace {

/// One database for the file: each case makes tables of its own.
const std::string& url() {
  static const std::string made = test::fresh_database();
  return made;
}

postgres::Options options(int connections = 4) {
  postgres::Options out;
  out.url = url();
  out.connections_max = connections;
  return out;
}

struct Seen {
  Fault fault{};
  std::string code;
  std::string what;
};
template <class Call>
Seen failure(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.fault(), error.code(), error.what()};
  }
  FAIL("no error");
  return {};
}

/// Ends every other connection to our database, as a restart of the server would.
void cut_connections() {
  postgres::Options other = options(1);
  other.application_name = "cutter";
  Database(other).query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
}

}  // namespace

TEST_CASE("values survive the way through the database") {
  Database database(options());
  const Uuid id = *Uuid::parse("0190f7a0-1111-7222-8333-444455556666");
  const auto rows = database.query(
      "SELECT $1::text, $2::uuid, $3::bigint, $4::boolean, $5::jsonb, $6::timestamptz = "
      "'2026-11-21T09:30:00.250Z', $7::uuid, NULL",
      {value("a 'quoted' \\ ü"), value(id), value(-7L), value(true), value(Json{{"k", {1, 2}}}),
       value(*parse_rfc3339("2026-11-21T09:30:00.250Z")), value(std::optional<Uuid>())});
  REQUIRE(rows.size() == 1);
  const auto& row = rows.front();
  CHECK(row.text(0) == "a 'quoted' \\ ü");
  CHECK(row.uuid(1) == id);
  CHECK(row.number(2) == -7);
  CHECK(row.flag(3));
  CHECK(row.json(4) == Json{{"k", {1, 2}}});
  CHECK(row.flag(5));
  CHECK(row.is_null(6));
  CHECK(row.uuid(6).is_nil());
  CHECK(row.json(7).is_null());
  CHECK(failure([&] { (void)row.number(0); }).code == "database_refused");
}

TEST_CASE("arrays keep quotes, commas, empty texts and NULL apart") {
  Database database(options());
  const std::vector<std::string> texts = {"",           "NULL",        "a,b",         "{x}",
                                          "say \"hi\"", "back\\slash", "line\nbreak", " pad "};
  const auto rows = database.query("SELECT t FROM unnest($1::text[]) WITH ORDINALITY AS u(t, n) ORDER BY n",
                                   {postgres::array(texts)});
  REQUIRE(rows.size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    CHECK(rows[i].text(0) == texts[i]);

  const auto mixed = database.query("SELECT * FROM unnest($1::text[])",
                                    {postgres::array(std::vector<postgres::Value>{"a", std::nullopt, ""})});
  REQUIRE(mixed.size() == 3);
  CHECK(mixed[1].is_null(0));
  CHECK_FALSE(mixed[2].is_null(0));
  CHECK(database
            .query("SELECT sum(x) FROM unnest($1::bigint[]) AS x",
                   {postgres::array(std::vector<long>{1, 2, 3})})[0]
            .number(0) == 6);
  CHECK(database.query("SELECT 1 FROM unnest($1::uuid[])", {postgres::array(std::vector<Uuid>{})}).empty());
}

TEST_CASE("rows come by COPY as they were given") {
  Database database(options());
  database.execute("CREATE TABLE public.copied (n bigint PRIMARY KEY, text text, note jsonb)");
  const std::vector<std::vector<postgres::Value>> rows = {
      {"1", "tab\tline\nreturn\rback\\slash \\. \\N", R"({"a":"\\n"})"},
      {"2", "", std::nullopt},
      {"3", "żółw", "{}"}};
  const auto copy = [&](const auto& given) {
    database.transact([&](Transaction& transaction) {
      postgres::copy_in(transaction, "public.copied", {"n", "text", "note"}, given);
    });
  };
  copy(rows);
  const auto stored = database.query("SELECT n, text, note->>'a' FROM public.copied ORDER BY n");
  REQUIRE(stored.size() == 3);
  CHECK(stored[0].text(1) == *rows[0][1]);
  CHECK(stored[0].text(2) == "\\n");
  CHECK((stored[1].columns[1] == "" && stored[1].is_null(2)));
  CHECK(stored[2].text(1) == "żółw");

  copy(std::vector<std::vector<postgres::Value>>{});
  CHECK(failure([&] {
          copy(std::vector<std::vector<postgres::Value>>{{"4", "new", "{}"}, {"1", "old", "{}"}});
        }).code == "database_conflict");
  CHECK(failure([&] {
          copy(std::vector<std::vector<postgres::Value>>{{"5", std::string("a\0b", 3), "{}"}});
        }).code == "database_refused");
  CHECK(failure([&] {
          copy(std::vector<std::vector<postgres::Value>>{{"6", "too few"}});
        }).code == "database_refused");
  // The connection is as good as before, and nothing of what failed stands.
  CHECK(database.query("SELECT count(*) FROM public.copied")[0].number(0) == 3);
}

TEST_CASE("each() goes through more rows than one fetch holds") {
  Database database(options());
  const auto sum = database.transact([](Transaction& transaction) {
    long total = 0;
    transaction.each("SELECT * FROM generate_series(1, $1::bigint)", {value(2500)},
                     [&](const postgres::Row& row) { total += row.number(0); });
    return total;
  });
  CHECK(sum == 2500L * 2501 / 2);
}

TEST_CASE("errors are told apart by what to do about them") {
  Database database(options());
  database.transact([](Transaction& t) {
    t.script(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent, n int NOT "
        "NULL CHECK (n > 0));"
        "INSERT INTO parent VALUES (1)");
  });
  struct Case {
    const char* sql;
    Fault fault;
    const char* code;
    const char* sqlstate;
  };
  const Case cases[] = {
      {"INSERT INTO parent VALUES (1)", Fault::conflict, "database_conflict", "23505"},
      {"INSERT INTO child VALUES (9, 1)", Fault::conflict, "database_conflict", "23503"},
      {"INSERT INTO child VALUES (1, NULL)", Fault::invalid, "database_refused", "23502"},
      {"INSERT INTO child VALUES (1, -1)", Fault::invalid, "database_refused", "23514"},
      {"SELECT 1/0", Fault::invalid, "database_refused", "22012"},
      {"SELECT 'x'::int", Fault::invalid, "database_refused", "22P02"},
      {"SELEC", Fault::invalid, "database_refused", "42601"},
      {"SELECT * FROM nowhere", Fault::invalid, "database_refused", "42P01"},
      {"SELECT nothing FROM parent", Fault::invalid, "database_refused", "42703"},
      {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'P0001'; END $$", Fault::invalid, "database_refused",
       "P0001"},
      {"DO $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = '55P03'; END $$", Fault::transient,
       "database_unavailable", "busy"},
      {"DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$", Fault::transient,
       "database_unavailable", "full"},
      {"DO $$ BEGIN RAISE EXCEPTION 'off' USING ERRCODE = '57P03'; END $$", Fault::transient,
       "database_unavailable", "off"},
  };
  for (const auto& item : cases) {
    INFO(item.sql);
    const auto seen = failure([&] { database.execute(item.sql); });
    CHECK(seen.fault == item.fault);
    CHECK(seen.code == item.code);
    CHECK(seen.what.find(item.sqlstate) != std::string::npos);
  }
  CHECK(failure([&] { database.query("SELECT $1::text", {std::string("a\0b", 3)}); }).code ==
        "database_refused");
  CHECK(database.reachable());
}

TEST_CASE("a swallowed error does not pass for a commit") {
  Database database(options());
  database.execute("CREATE TABLE swallowed (id int)");
  const auto seen = failure([&] {
    database.transact([](Transaction& t) {
      t.execute("INSERT INTO swallowed VALUES (1)");
      try {
        t.execute("SELECT 1/0");
      } catch (const Error&) {
      }
    });
  });
  CHECK(seen.code == "database_refused");
  CHECK(database.query("SELECT 1 FROM swallowed").empty());
}

TEST_CASE("an exception of the work's own rolls back and passes through") {
  Database database(options(1));
  database.execute("CREATE TABLE rolled (id int)");
  CHECK_THROWS_AS(database.transact([](Transaction& t) {
    t.execute("INSERT INTO rolled VALUES (1)");
    throw std::logic_error("mine");
  }),
                  std::logic_error);
  CHECK(database.query("SELECT 1 FROM rolled").empty());
}

TEST_CASE("the pool is bounded and says so") {
  auto given = options(1);
  given.acquire_timeout = std::chrono::milliseconds(100);
  Database database(given);
  const auto seen =
      database.transact([&](Transaction&) { return failure([&] { database.query("SELECT 1"); }); });
  CHECK(seen.fault == Fault::transient);
  CHECK(seen.what.find("all 1 connections") != std::string::npos);
  CHECK(database.reachable());

  Database shared(options(2));
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n)
        good += shared.query("SELECT 1").size() == 1 ? 1 : 0;
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(good == 160);
}

TEST_CASE("a connection cut while idle is not noticed; one cut in a transaction is reported once") {
  Database database(options());
  const auto pid = database.query("SELECT pg_backend_pid()")[0].number(0);
  cut_connections();
  CHECK(database.query("SELECT pg_backend_pid()")[0].number(0) != pid);

  int runs = 0;
  const auto seen = failure([&] {
    database.transact([&](Transaction& t) {
      ++runs;
      t.query("SELECT 1");
      cut_connections();
      t.query("SELECT 1");
    });
  });
  CHECK(seen.fault == Fault::transient);
  CHECK(seen.code == "database_unavailable");
  CHECK(runs == 1);
  CHECK(database.reachable());
}

TEST_CASE("a commit on a cut connection is reported, never taken for done") {
  Database database(options());
  database.execute("CREATE TABLE doubtful (id int)");
  const auto seen = failure([&] {
    database.transact([&](Transaction& t) {
      t.execute("INSERT INTO doubtful VALUES (1)");
      cut_connections();
    });
  });
  CHECK(seen.fault == Fault::transient);
  CHECK(database.query("SELECT 1 FROM doubtful").empty());
}

TEST_CASE("a deadlock runs the loser again") {
  Database database(options());
  database.transact([](Transaction& t) {
    t.script("CREATE TABLE pair (id int PRIMARY KEY, n int); INSERT INTO pair VALUES (1, 0), (2, 0)");
  });
  std::atomic<int> waiting = 0;
  std::atomic<int> runs = 0;
  const auto update = [&](int first, int second) {
    database.transact([&](Transaction& t) {
      ++runs;
      t.execute("UPDATE pair SET n = n + 1 WHERE id = $1", {value(first)});
      ++waiting;  // on the first run both hold one row before either asks for the other's
      while (waiting < 2)
        std::this_thread::yield();
      t.execute("UPDATE pair SET n = n + 1 WHERE id = $1", {value(second)});
    });
  };
  std::thread other([&] { update(2, 1); });
  update(1, 2);
  other.join();
  CHECK(runs == 3);
  CHECK(database.query("SELECT sum(n) FROM pair")[0].number(0) == 4);
}

TEST_CASE("what never stops conflicting ends after five runs") {
  Database database(options());
  int runs = 0;
  const auto seen = failure([&] {
    database.transact([&](Transaction& t) {
      ++runs;
      t.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$");
    });
  });
  CHECK(runs == 5);
  CHECK(seen.fault == Fault::transient);
}

TEST_CASE("no server: transient, and no password in the message") {
  postgres::Options wrong;
  wrong.url = "postgresql://someone:hunter2@127.0.0.1:1/db";
  const auto refused = failure([&] { Database(wrong).query("SELECT 1"); });
  CHECK(refused.fault == Fault::transient);
  CHECK(refused.what.find("hunter2") == std::string::npos);
  wrong.url = "postgresq://someone:hunter2@127.0.0.1:1/db";
  CHECK(failure([&] { Database(wrong).query("SELECT 1"); }).what.find("hunter2") == std::string::npos);
  CHECK_FALSE(Database(wrong).reachable());
}

TEST_CASE("without_password") {
  CHECK(postgres::without_password("postgresql://a:b@h:1/db?sslmode=require") ==
        "postgresql://h:1/db?sslmode=require");
  CHECK(postgres::without_password("postgresql://a:p@q@h/db") == "postgresql://h/db");
  CHECK(postgres::without_password("postgresql://h/db?password=x&user=y") == "postgresql://h/db");
  CHECK(postgres::without_password("host=h user=u password='a b' dbname=d").find("a b") == std::string::npos);
}

TEST_CASE("a question is asked with its parameters, again and again, and outlives its connection") {
  Database database(options(1));
  const std::string sql = "SELECT n, $2::text FROM generate_series(1, $1::bigint) n ORDER BY n";
  for (long count = 0; count < 8; ++count) {
    const auto rows = database.ask(sql, {value(count), value("é")});
    REQUIRE(rows.size() == static_cast<std::size_t>(count));
    if (count > 0) CHECK(rows.back().text(1) == "é");
  }
  cut_connections();
  CHECK(database.ask(sql, {value(3L), value("x")}).size() == 3);
  CHECK(database.query("SELECT count(*) FROM pg_prepared_statements")[0].number(0) == 1);
}

TEST_CASE("a question that the server refuses says why, and the next one is answered") {
  Database database(options(1));
  const auto refused = failure([&] { database.ask("SELECT 1 / $1::bigint", {value(0L)}); });
  CHECK(refused.fault == Fault::invalid);
  CHECK_THAT(refused.what, Catch::Contains("22012"));
  CHECK(failure([&] { database.ask("SELECT nonsense"); }).code == "database_refused");
  CHECK(failure([&] { database.ask("SELECT $1::text", {value(std::string("a\0b", 3))}); }).code ==
        "database_refused");
  CHECK(database.ask("SELECT 1 / $1::bigint", {value(1L)})[0].number(0) == 1);
}
