#pragma once
#include "common/crypto/crypto.h"
#include "common/runs/runs.h"
#include "tests/integration/scheduler/support.h"
#include "tests/support/catch.h"
#include "workers/scheduler/scheduler.h"

#include <map>
#include <set>

namespace rollcall::test {

/// A database and topics of its own, for schedulers that run on them. The worker is "demo": its ticks and
/// runs are served by the test itself.
struct SchedulerWorld {
  SchedulerWorld() {
    options.topic_prefix = prefix;
    options.lease = std::chrono::milliseconds{1'000};
    create_topics({prefix + ".demo.ticks", prefix + ".demo.commands", prefix + ".runs"});
  }

  std::jthread scheduler(const std::string& name = "one", kafka::Options kafka = kafka_options()) {
    return std::jthread([this, name, kafka](std::stop_token stop) {
      kafka::Producer own(kafka);
      metrics::Registry metrics("scheduler");
      auto mine = options;
      mine.instance = name;
      scheduler::run_scheduler(mine, database, own, clock, metrics, std::move(stop));
    });
  }

  /// `columns` and `values` besides name, worker and operation.
  Uuid add_schedule(const std::string& name, const std::string& columns, const std::string& values) {
    return database
        .query("INSERT INTO ops.schedules (name, worker, operation, " + columns + ") VALUES ('" + name +
               "', 'demo', 'sweep', " + values + ") RETURNING id")
        .at(0)
        .uuid(0);
  }

  Uuid add_run(const std::string& state, const std::string& columns, const std::string& values) {
    const Uuid id = crypto::new_uuid();
    database.execute("INSERT INTO ops.runs (id, worker, operation, state, " + columns + ") VALUES ('" +
                     id.to_string() + "', 'demo', 'sweep', '" + state + "', " + values + ")");
    return id;
  }

  std::string state_of(const Uuid& run) {
    return database.query("SELECT state FROM ops.runs WHERE id = $1", {postgres::value(run)}).at(0).text(0);
  }
  long count(const std::string& from) {
    return database.query("SELECT count(*) FROM " + from).at(0).number(0);
  }
  long outbox() { return count("ops.outbox"); }
  std::string holder() {
    const auto rows = database.query(
        "SELECT CASE WHEN expires_at > clock_timestamp() THEN holder ELSE '' END FROM ops.leases");
    return rows.empty() ? "" : rows[0].text(0);
  }
  void notify() { database.query("SELECT pg_notify('rollcall_scheduler', '')"); }

  MigratedDatabase migrated;
  postgres::Database& database = migrated.database;
  std::string prefix = unique("rc");
  SystemClock clock;
  scheduler::SchedulerOptions options;
};

/// Due times of the ticks seen, in the order of arrival.
inline std::vector<std::string> dues(const Collector& ticks) {
  std::vector<std::string> found;
  for (const auto& message : ticks.messages())
    found.push_back(Json::parse(message.value).at("due_at"));
  return found;
}

}  // namespace rollcall::test
