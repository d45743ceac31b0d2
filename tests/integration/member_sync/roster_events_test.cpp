#include "workers/member_sync/roster_events.h"

#include "common/core/error.h"
#include "common/runs/debounce.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <algorithm>
#include <thread>

using namespace rollcall;
using namespace std::chrono_literals;

namespace {

struct Bench {
  postgres::Database database{{.url = test::migrated_database()}};
  kafka::Options kafka{test::kafka_brokers(), "test", {}};
  kafka::Producer producer{kafka};
  SystemClock system_clock;
  schema::Validator schemas;
  metrics::Registry metrics{"test"};
  member_sync::RosterEventsOptions options{
      .kafka = kafka, .instance_id = "", .enabled = true, .debounce = 1h, .topic_prefix = test::unique("t")};
  Uuid linked, unlinked;
  std::jthread thread;

  Bench() {
    linked = add("gen_random_uuid()");
    unlinked = add("NULL");
  }
  Uuid add(const std::string& group) {
    return database
        .query(
            "INSERT INTO directory.organizations (tenant_id, name, microsoft_group) VALUES ('tenant', "
            "'One', " +
            group + ") RETURNING id")
        .front()
        .uuid(0);
  }
  std::string topic() const { return options.topic_prefix + ".roster-events"; }
  void start() {
    try {
      kafka::create_topics(kafka, {{topic(), 2, 1, {}}, {topic() + ".dead", 2, 1, {}}}, 3s);
    } catch (const Error&) {
      // The embedded broker has no controller to ask: there, topics are made on first use.
    }
    thread = std::jthread([this](const std::stop_token& stop) {
      member_sync::run_roster_events(options, database, producer, schemas, system_clock, metrics, stop);
    });
  }
  void send(const std::string& value, const std::string& key) {
    kafka::Message message;
    message.topic = topic();
    message.key = key;
    message.value = value;
    producer.publish(std::move(message), [](const std::string&) {});
  }
  void send(const Uuid& organization) {
    send(dump({{"organization_id", organization.to_string()},
               {"event", "changed"},
               {"at", "2026-11-21T09:30:00Z"}}),
         organization.to_string());
  }
  /// The reasons of what was buried.
  std::vector<std::string> dead(std::size_t expected) {
    std::vector<std::string> reasons;
    const auto until = std::chrono::steady_clock::now() + 20s;
    kafka::tail(
        kafka, topic() + ".dead", true,
        [&] { return reasons.size() < expected && std::chrono::steady_clock::now() < until; },
        [&](const kafka::Message& message) {
          reasons.push_back(message.header("rollcall-dead-reason").value_or(""));
        });
    std::ranges::sort(reasons);
    return reasons;
  }
  long count(const std::string& what) {
    return database.query("SELECT count(*) FROM ops.runs WHERE " + what).front().number(0);
  }
};

}  // namespace

TEST_CASE("a hundred events of one roster wait for one sync") {
  Bench bench;
  bench.start();
  for (int i = 0; i < 100; ++i)
    bench.send(bench.linked);
  bench.send(bench.unlinked);
  bench.send("no json", bench.linked.to_string());
  bench.send(R"({"organization_id":"Contoso","event":"changed","at":"2026-11-21T09:30:00Z"})", "x");
  bench.send(*Uuid::parse("00000000-0000-4000-8000-00000000dead"));
  CHECK(bench.dead(3) ==
        std::vector<std::string>{"json_malformed", "organization_not_found", "schema_violation"});
  bench.send(bench.linked);
  bench.send("the last", "y");
  CHECK(bench.dead(4).size() == 4);
  bench.thread = {};
  CHECK(bench.count("true") == 1);
  CHECK(bench.count(
            "state = 'waiting' AND error_code = 'debounced' AND resume_at > now() + interval '50 minutes' "
            "AND organization_id = '" +
            bench.linked.to_string() + "'") == 1);
}

TEST_CASE("an event joins what waits or was not begun, and nothing else") {
  Bench bench;
  const auto ask = [&] {
    return bench.database.transact([&](postgres::Transaction& transaction) {
      const runs::NewRun run{
          *Uuid::parse("0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a1" + std::to_string(bench.count("true"))),
          "tenant",
          "member-sync",
          "sync-members",
          "roster-event",
          bench.linked,
          Json::object(),
          false};
      return runs::enqueue_debounced(transaction, {run}, 1h);
    });
  };
  const auto all_are = [&](const std::string& state) {
    bench.database.execute("UPDATE ops.runs SET " + state);
  };
  CHECK(ask() == 1);
  CHECK(ask() == 0);  // waits already
  all_are("state = 'queued', error_code = NULL");
  CHECK(ask() == 0);  // not begun
  all_are("attempt = 1");
  CHECK(ask() == 1);  // that one was begun once: who knows what it read
  all_are("state = 'running', error_code = NULL");
  CHECK(ask() == 1);
  all_are("state = 'waiting', error_code = 'throttled'");
  CHECK(ask() == 1);
  all_are("state = 'succeeded'");
  CHECK(ask() == 1);
}
