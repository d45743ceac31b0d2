#pragma once
#include "common/audit/roots.h"
#include "common/audit/trail.h"
#include "common/crypto/crypto.h"
#include "common/runs/runs.h"
#include "tests/integration/scheduler/support.h"
#include "tests/support/catch.h"
#include "workers/audit_writer/audit_writer.h"

#include <thread>

namespace rollcall::test {

/// A database, topics of its own, and audit-writers on them.
struct World {
  World() {
    options.kafka = kafka_options();
    options.topic_prefix = prefix;
    create_topics({prefix + ".audit", prefix + ".audit.dead", prefix + ".audit-roots"});
  }

  std::jthread writer() {
    return std::jthread([this](std::stop_token stop) {
      kafka::Producer own(kafka_options());
      audit_writer::run_audit_writer(options, database, own, schemas, clock, metrics, std::move(stop));
    });
  }

  [[nodiscard]] std::string id(int number) const {
    return crypto::derived_uuid({prefix, std::to_string(number)}).to_string();
  }

  kafka::Message event(int number, const std::string& occurred_at = "2026-11-21T09:30:00.000Z") {
    return runs::make_message(prefix + ".audit", id(number), "rollcall.audit-event.v1", id(number),
                              {{"event_id", id(number)},
                               {"occurred_at", occurred_at},
                               {"tenant_id", "contoso"},
                               {"actor", "cli, \"quoted\" {and} \\ braced"},
                               {"action", "member_added"},
                               {"member_object_id", id(number)},
                               {"detail", {{"n", number}, {"text", "a\"b\\c{d},NULL"}}}},
                              clock.wall());
  }

  void send(const kafka::Message& message) {
    producer.publish(message, [](const std::string&) {});
  }

  long number(const std::string& sql) { return database.query(sql).at(0).number(0); }
  long events() { return number("SELECT count(*) FROM audit.events"); }

  MigratedDatabase migrated;
  postgres::Database& database = migrated.database;
  std::string prefix = unique("rc");
  SystemClock clock;
  schema::Validator schemas;
  metrics::Registry metrics{"audit-writer"};
  kafka::Producer producer{kafka_options()};
  audit_writer::AuditWriterOptions options;
};

}  // namespace rollcall::test
