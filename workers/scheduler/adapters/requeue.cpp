#include "workers/scheduler/adapters/requeue.h"

#include "common/log/log.h"
#include "workers/scheduler/adapters/ticks.h"

namespace rollcall::scheduler {
namespace {

struct Requeued {
  long count = 0;
  runs::Stored stored;
};

runs::NewRun read(const postgres::Row& row) {
  runs::NewRun run;
  run.id = row.uuid(0);
  run.tenant_id = row.text(1);
  run.worker = row.text(2);
  run.operation = row.text(3);
  run.caller_identity = row.text(4);
  if (!row.is_null(5)) run.organization_id = row.uuid(5);
  run.parameters = row.json(6);
  // Nobody waits for what a schedule asked: it goes behind what people ask.
  run.bulk = run.caller_identity.starts_with("schedule:");
  return run;
}

}  // namespace

Requeue::Requeue(std::string topic_prefix, postgres::Database& database, runs::OutboxPublisher& publisher,
                 const Clock& clock, metrics::Registry& metrics)
    : topic_prefix_(std::move(topic_prefix)),
      database_(database),
      publisher_(publisher),
      clock_(clock),
      metrics_(metrics) {}

long Requeue::resume() {
  return requeue("resumed", "state = 'waiting' AND resume_at <= now() - $1 * interval '1 millisecond'",
                 "resume_at", std::chrono::milliseconds{0}, true);
}

long Requeue::rescue(std::chrono::milliseconds age) {
  return requeue("rescued",
                 "state = 'running' AND "
                 "coalesce(heartbeat_at, started_at, queued_at) < now() - $1 * interval '1 millisecond'",
                 "queued_at", age, true);
}

long Requeue::resend(std::chrono::milliseconds age) {
  return requeue("resent", "state = 'queued' AND queued_at < now() - $1 * interval '1 millisecond'",
                 "queued_at", age, false);
}

long Requeue::requeue(const char* why, const std::string& which, const std::string& order,
                      std::chrono::milliseconds age, bool news) {
  // Without a claim, a worker that was only slow can no longer settle what another may now be doing.
  const std::string statement =
      "UPDATE ops.runs SET state = 'queued', queued_at = now(), resume_at = NULL, claim = NULL, claimed_by = "
      "NULL,"
      "       heartbeat_at = NULL, error_code = NULL, error_message = NULL"
      " WHERE id IN (SELECT id FROM ops.runs WHERE " +
      which + " ORDER BY " + order + " LIMIT " + std::to_string(batch_max) +
      " FOR UPDATE SKIP LOCKED)"
      " RETURNING id, tenant_id, worker, operation, caller_identity, organization_id, parameters, attempt";
  Requeued done = database_.transact([&](postgres::Transaction& transaction) {
    Requeued requeued;
    std::vector<Uuid> ids;
    std::vector<kafka::Message> messages;
    for (const auto& row : transaction.query(statement, {postgres::value(static_cast<long>(age.count()))})) {
      const runs::NewRun run = read(row);
      ids.push_back(run.id);
      messages.push_back(runs::command_message(run, clock_.wall()));
      if (news) {
        messages.push_back(runs::run_news(run.id, run.organization_id, run.worker, run.operation, "queued",
                                          static_cast<int>(row.number(7)), clock_.wall(), Json(), "", ""));
      }
    }
    if (ids.empty()) return requeued;
    for (auto& message : messages)
      message.topic = with_prefix(message.topic, topic_prefix_);
    if (news) {
      transaction.execute(
          "INSERT INTO ops.run_events (run_id, event, detail) SELECT id, 'queued', $2::jsonb FROM "
          "unnest($1::uuid[]) AS u(id)",
          {postgres::array(ids), postgres::value(Json{{"why", why}})});
    }
    requeued.count = static_cast<long>(ids.size());
    requeued.stored.ids = runs::store_in_outbox(transaction, messages);
    requeued.stored.messages = std::move(messages);
    return requeued;
  });
  if (done.count == 0) return 0;
  metrics_.counter("rollcall_scheduler_requeued_total", "Runs whose command was sent again", {{"why", why}})
      .add(static_cast<double>(done.count));
  log::info("runs_requeued", {{"why", why}, {"count", done.count}});
  publisher_.publish(std::move(done.stored.ids), std::move(done.stored.messages));
  return done.count;
}

}  // namespace rollcall::scheduler
