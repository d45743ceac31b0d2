#include "workers/scheduler/adapters/requeue.h"

#include "common/log/log.h"
#include "common/runs/blocks.h"
#include "workers/scheduler/adapters/tick_store.h"

namespace rollcall::scheduler {
namespace {

struct Requeued {
  long count = 0;
  runs::Stored stored;
};

// Served by the index ticks_unserved. One that has expired, or whose schedule is gone, is left alone from now
// on. The second wait is twice the first, and so on up to 1,024 times it.
const std::string unserved_ticks = std::string(R"(
    WITH due AS (
        SELECT t.schedule_id, t.due_at, t.sends, t.expires_at > now() AND x.id IS NOT NULL AS wanted
          FROM ops.ticks t LEFT JOIN ops.schedules x ON x.id = t.schedule_id
         WHERE t.served_at IS NULL AND t.resend_at <= now()
         ORDER BY t.resend_at LIMIT 500 FOR UPDATE OF t SKIP LOCKED),
    marked AS (
        UPDATE ops.ticks t SET sends = t.sends + 1,
               resend_at = CASE WHEN due.wanted THEN now() + $1::bigint * (1 << least(t.sends, 10))
                                                           * interval '1 millisecond' END
          FROM due WHERE t.schedule_id = due.schedule_id AND t.due_at = due.due_at)
    SELECT due.wanted, floor(extract(epoch FROM due.due_at) * 1000)::bigint, )") +
                                   schedule_columns +
                                   " FROM due LEFT JOIN ops.schedules s ON s.id = due.schedule_id";

/// Found by blocks, not by an index: see migration 0020.
const std::string unbeaten = "state = 'running' AND heartbeat_at IS NULL";

}  // namespace

Requeue::Requeue(const Tools& tools) : tools_(tools) {}

long Requeue::resume() {
  return requeue("resumed", "open_state = 'waiting' AND resume_at <= now() - $1 * interval '1 millisecond'",
                 "resume_at", std::chrono::milliseconds{0}, false);
}

long Requeue::rescue() {
  const auto age = tools_.options.rescue_after;
  const std::string silent =
      "greatest(pg_postmaster_start_time(), coalesce(heartbeat_at, started_at, queued_at)) < now() - "
      "$1 * interval '1 millisecond'";
  const long beaten = requeue("rescued", "open_state = 'running' AND " + silent, "queued_at", age, false);
  const long begun = requeue(
      "rescued",
      "id IN (SELECT u.id FROM ops.claim_blocks b CROSS JOIN LATERAL unnest(b.run_ids) AS u(id) WHERE "
      "b.claimed_at < now() - $1 * interval '1 millisecond') AND " +
          unbeaten + " AND " + silent,
      "queued_at", age, false);
  forget_blocks(age);
  return beaten + begun;
}

/// Living workers delete the rows of their own blocks; these are left of others.
void Requeue::forget_blocks(std::chrono::milliseconds age) {
  tools_.term.transact([&](postgres::Transaction& transaction) {
    return transaction.execute(
        "DELETE FROM ops.claim_blocks b WHERE b.claimed_at < now() - 2 * $1 * interval '1 millisecond' AND "
        "NOT EXISTS "
        "(SELECT FROM unnest(b.run_ids) AS u(id) JOIN ops.runs r ON r.id = u.id WHERE " +
            unbeaten + ")",
        {postgres::value(static_cast<long>(age.count()))});
  });
}

long Requeue::resend() {
  // The first condition is the index's.
  return requeue("resent",
                 "open_state = 'queued' AND queued_at < now() - $1 * interval '1 millisecond' AND "
                 "queued_at < now() - $1 * (1 << least(resends, 6)) * interval '1 millisecond'",
                 "queued_at", tools_.options.resend_after, true);
}

long Requeue::requeue(const char* why, const std::string& which, const std::string& order,
                      std::chrono::milliseconds age, bool again) {
  // Without a claim, a worker that was only slow can no longer settle what another may now be doing.
  const std::string statement =
      "UPDATE ops.runs r SET state = 'queued', queued_at = now(), resume_at = NULL, claim = NULL, claimed_by "
      "= "
      "NULL,"
      "       heartbeat_at = NULL, error_code = NULL, error_message = NULL, resends = " +
      std::string(again ? "resends + 1" : "0") + " WHERE id IN (SELECT id FROM ops.runs WHERE " + which +
      " ORDER BY " + order + " LIMIT " + std::to_string(batch_max) +
      " FOR UPDATE SKIP LOCKED)"
      " RETURNING " +
      runs::run_columns + ", attempt, bulk";
  Requeued done = tools_.term.transact([&](postgres::Transaction& transaction) {
    Requeued requeued;
    std::vector<Uuid> ids;
    std::vector<kafka::Message> messages;
    for (const auto& row : transaction.query(statement, {postgres::value(static_cast<long>(age.count()))})) {
      runs::NewRun run = runs::read_run(row);
      run.bulk = row.flag(8);
      ids.push_back(run.id);
      messages.push_back(runs::command_message(run, tools_.clock.wall()));
      if (!again) {
        messages.push_back(runs::run_news(run.id, run.organization_id, run.worker, run.operation, "queued",
                                          static_cast<int>(row.number(7)), tools_.clock.wall(), Json(), "",
                                          ""));
      }
    }
    if (ids.empty()) return requeued;
    for (auto& message : messages)
      message.topic = with_prefix(message.topic, tools_.options.topic_prefix);
    if (!again) {
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
  tell(why, done.count);
  tools_.publisher.publish(std::move(done.stored.ids), std::move(done.stored.messages));
  return done.count;
}

void Requeue::tell(const char* why, long count) {
  tools_.metrics
      .counter("rollcall_scheduler_requeued_total", "Runs and ticks that were sent again", {{"why", why}})
      .add(static_cast<double>(count));
  log::info("requeued", {{"why", why}, {"count", count}});
}

long Requeue::resend_ticks() {
  Requeued done = tools_.term.transact([&](postgres::Transaction& transaction) {
    Requeued resent;
    for (const auto& row : transaction.query(
             unserved_ticks, {postgres::value(static_cast<long>(tools_.options.resend_after.count()))})) {
      ++resent.count;
      if (!row.flag(0)) continue;
      resent.stored.messages.push_back(tick_message(read_schedule(row, 2), wall(row.number(1)),
                                                    tools_.options.topic_prefix, tools_.clock.wall()));
    }
    resent.stored.ids = runs::store_in_outbox(transaction, resent.stored.messages);
    return resent;
  });
  if (done.count == 0) return 0;
  tell("tick_unserved", static_cast<long>(done.stored.messages.size()));
  tools_.publisher.publish(std::move(done.stored.ids), std::move(done.stored.messages));
  return done.count;
}

std::chrono::microseconds Requeue::until_resume(std::chrono::microseconds longest) {
  return tools_.term.transact([&](postgres::Transaction& transaction) {
    const auto rows = transaction.query(
        "SELECT ceil(extract(epoch FROM greatest(resume_at - clock_timestamp(), '0')) * 1000000)::bigint "
        "FROM ops.runs WHERE open_state = 'waiting' AND resume_at < now() + $1::bigint * interval '1 "
        "microsecond' "
        "ORDER BY resume_at LIMIT 1",
        {postgres::value(static_cast<long>(longest.count()))});
    return rows.empty() ? longest : std::min(longest, std::chrono::microseconds{rows[0].number(0)});
  });
}

}  // namespace rollcall::scheduler
