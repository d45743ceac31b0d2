#include "workers/front/adapters/call_ledger.h"

#include "common/runs/by_hand.h"
#include "tests/integration/front/world.h"
#include "tests/support/catch.h"
#include "workers/front/adapters/job_store.h"

#include <latch>

using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

const std::string identity = entra::tenant + "/" + admin;

AgentCall call_of(const std::string& person) {
  auth::Caller caller;
  caller.tenant_id = person.empty() ? "" : entra::tenant;
  caller.object_id = person;
  return {.surface = "copilot",
          .operation = "query_ops_runs",
          .caller = std::move(caller),
          .parameters_hash = "00ff"};
}

/// A ledger over a database of its own.
struct Book {
  BegunCall begin(const AgentCall& call) const {
    auto promise = std::make_shared<std::promise<BegunCall>>();
    auto begun = promise->get_future();
    ledger.begin(call, [promise](const BegunCall& one, const std::exception_ptr& failed) {
      failed ? promise->set_exception(failed) : promise->set_value(one);
    });
    return begun.get();
  }
  void settle(const BegunCall& begun, const Settlement& how) const {
    std::latch done{1};
    ledger.settle(begun, how, [&] { done.count_down(); });
    done.wait();
  }
  void refuse(const AgentCall& call, const Settlement& how) const {
    std::latch done{1};
    ledger.refuse(call, how, [&] { done.count_down(); });
    done.wait();
  }
  postgres::Rows rows() {
    return database.query(
        "SELECT state, outcome, error_code, caller_identity, duration_ms, result, tenant_id, operation, "
        "parameters_hash, worker, parameters, kind FROM ops.runs ORDER BY created_at, id");
  }
  std::vector<Json> events() {
    std::vector<Json> all;
    for (const auto& row : database.query("SELECT m->>'payload' FROM ops.outbox o, "
                                          "jsonb_array_elements(o.messages) AS m ORDER BY o.id"))
      all.push_back(Json::parse(row.text(0)));
    return all;
  }
  long interrupted() {
    return static_cast<long>(database
                                 .transact([&](postgres::Transaction& transaction) {
                                   return settle_interrupted_calls(transaction, clock.wall());
                                 })
                                 .size());
  }

  postgres::Database database{migrated_database()};
  kafka::Producer producer{nowhere()};
  runs::OutboxPublisher outbox{database, producer};
  Pool pool{2, 1000};
  fakes::ManualClock clock;
  metrics::Registry metrics{"front"};
  CallLedger ledger{{database, outbox, pool, clock, metrics, entra::tenant, "front/one"}};
};

}  // namespace

TEST_CASE("A call stands as pending before anything happens, and is settled once with its audit event") {
  Book book;
  const auto begun = book.begin(call_of(admin));
  auto row = book.rows().at(0);
  CHECK(row.text(0) == "pending");
  CHECK(row.text(3) == identity);
  CHECK(row.text(7) == "query_ops_runs");
  CHECK(row.text(8) == "00ff");
  CHECK(row.text(9) == "copilot");
  CHECK(row.text(10) == "{}");
  CHECK(row.text(11) == "call");
  CHECK(book.events().empty());
  book.clock.advance(std::chrono::milliseconds{70});
  book.settle(begun, {.status = 200, .items = 3});
  row = book.rows().at(0);
  CHECK(row.text(0) == "succeeded");
  CHECK(row.text(1) == "success");
  CHECK(row.number(4) == 70);
  CHECK(row.json(5) == Json({{"status", 200}, {"items", 3}}));
  book.settle(begun, {.status = 500, .code = "internal"});
  CHECK(book.rows().at(0).text(0) == "succeeded");
  const auto events = book.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["action"] == "agent_call");
  CHECK(events[0]["actor"] == identity);
  CHECK(events[0]["tenant_id"] == entra::tenant);
  CHECK(events[0]["run_id"] == begun.id.to_string());
  CHECK(events[0]["detail"] == Json({{"surface", "copilot"},
                                     {"operation", "query_ops_runs"},
                                     {"outcome", "success"},
                                     {"status", 200},
                                     {"duration_ms", 70},
                                     {"parameters_hash", "00ff"}}));
}

TEST_CASE("A refused call is on record; of strangers' and of floods only so many as do no harm") {
  Book book;
  book.refuse(call_of(admin), {.status = 403, .code = "role_missing"});
  const auto row = book.rows().at(0);
  CHECK(row.text(0) == "failed");
  CHECK(row.text(1) == "error");
  CHECK(row.text(2) == "role_missing");
  CHECK(row.json(5) == Json({{"status", 403}}));
  CHECK(book.events().at(0)["detail"]["code"] == "role_missing");
  for (int i = 0; i < 30; ++i)
    book.refuse(
        call_of(i % 2 == 0 ? "" : admin),
        {.status = i % 2 == 0 ? 401 : 429, .code = i % 2 == 0 ? "token_missing" : "too_many_requests"});
  CHECK(book.rows().size() == 11);
  CHECK(book.events().size() == 11);
  CHECK(book.database
            .query("SELECT FROM ops.runs WHERE caller_identity = 'anonymous' AND tenant_id = $1",
                   {postgres::value(entra::tenant)})
            .size() == 5);
  CHECK(book.metrics.render().find("rollcall_agent_refusals_unrecorded_total{worker=\"front\"} 20") !=
        std::string::npos);
  for (int i = 0; i < 30; ++i)  // those who are known are written down, however many
    book.refuse(call_of(admin), {.status = 400, .code = "schema_violation"});
  CHECK(book.rows().size() == 41);
}

TEST_CASE("Calls that come together are written together, and one that fails takes no other with it") {
  Book book;
  constexpr int many = 400;
  std::latch done{many};
  for (int i = 0; i < many; ++i)
    book.ledger.begin(call_of(admin), [&](const BegunCall& begun, const std::exception_ptr& failed) {
      REQUIRE(!failed);
      book.ledger.settle(begun, {}, [&] { done.count_down(); });
    });
  done.wait();
  const auto counted = book.database.query(
      "SELECT count(*), count(DISTINCT xmin::text) FROM ops.runs WHERE state = 'succeeded'")[0];
  CHECK(counted.number(0) == many);
  CHECK(counted.number(1) < many / 4);
  CHECK(book.events().size() == many);
}

TEST_CASE(
    "What a front that died left pending is settled as interrupted, and what a living one does is not") {
  Book book;
  const auto dead = book.begin(call_of(admin)), living = book.begin(call_of(admin));
  const auto set = [&](const BegunCall& begun, const std::string& by, const std::string& age) {
    book.database.execute(
        "UPDATE ops.runs SET claimed_by = $2, created_at = now() - $3::interval WHERE id = $1::uuid",
        {postgres::value(begun.id), postgres::value(by), postgres::value(age)});
  };
  book.database.execute(
      "INSERT INTO ops.workers (worker, instance) VALUES ('front', 'living'), ('front', 'gone')");
  book.database.execute(
      "UPDATE ops.workers SET seen_at = now() - interval '5 minutes' WHERE instance = 'gone'");
  set(dead, "front/gone", "1 minute");
  set(living, "front/living", "10 minutes");
  CHECK(book.interrupted() == 0);  // neither of them is given up yet
  set(dead, "front/gone", "3 minutes");
  CHECK(book.interrupted() == 1);
  CHECK(book.interrupted() == 0);
  book.settle(dead, {});  // it was only slow: what is on record stays
  const auto row = book.database.query("SELECT state, outcome, error_code FROM ops.runs WHERE id = $1::uuid",
                                       {postgres::value(dead.id)})[0];
  CHECK(row.text(0) == "failed");
  CHECK(row.text(1) == "error");
  CHECK(row.text(2) == "call_interrupted");
  auto events = book.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["run_id"] == dead.id.to_string());
  CHECK(events[0]["detail"]["code"] == "call_interrupted");
  set(living, "front/living", "2 hours");  // whoever it is: nobody waits that long
  CHECK(book.interrupted() == 1);
}

TEST_CASE("A call is shown as one, and nothing that is done to jobs can be done to it") {
  Book book;
  const auto begun = book.begin(call_of(admin));
  const Viewer viewer{.tenant_id = entra::tenant, .identity = identity, .person = Uuid::parse(admin)};
  JobFilter calls;
  calls.calls = true;
  for (const bool operates : {false, true}) {
    auto who = viewer;
    who.operates = operates;
    CHECK(list_jobs(book.database, who, {}, "", 10).jobs.empty());
    const auto page = list_jobs(book.database, who, calls, "", 10);
    REQUIRE(page.jobs.size() == 1);
    CHECK(page.jobs[0].kind == "call");
    CHECK(page.jobs[0].state == "pending");
  }
  book.settle(begun, {.status = 500, .code = "internal"});
  const auto change = [&](auto deed) {
    try {
      book.database.transact([&](postgres::Transaction& transaction) { deed(transaction); });
    } catch (const Error& error) {
      return error.code();
    }
    return std::string();
  };
  CHECK(change([&](postgres::Transaction& transaction) {
          runs::retry(transaction, begun.id, "cli", book.clock.wall());
        }) == "run_is_call");
  CHECK(change([&](postgres::Transaction& transaction) {
          runs::cancel(transaction, begun.id, "cli", book.clock.wall());
        }) == "run_is_call");
  for (const auto* state : {"queued", "running", "waiting", "needs_approval", "cancelled"})
    CHECK(change([&](postgres::Transaction& transaction) {
            transaction.execute("UPDATE ops.runs SET state = $1", {postgres::value(state)});
          }) == "database_refused");
}

TEST_CASE("Without PostgreSQL no call begins") {
  postgres::Options options;
  options.url = "postgresql://127.0.0.1:1/none";
  postgres::Database nowhere_at_all(options);
  Book book;
  const CallLedger ledger{
      {nowhere_at_all, book.outbox, book.pool, book.clock, book.metrics, entra::tenant, "front/one"}};
  std::latch told{1};
  std::string code;
  ledger.begin(call_of(admin), [&](const BegunCall&, const std::exception_ptr& failed) {
    try {
      std::rethrow_exception(failed);
    } catch (const Error& error) {
      code = error.code();
    }
    told.count_down();
  });
  told.wait();
  CHECK(code == "database_unavailable");
}
