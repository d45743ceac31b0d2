#include "common/runs/by_hand.h"

#include "common/core/error.h"
#include "common/core/result.h"
#include "common/runs/blocks.h"

#include <iterator>

namespace rollcall::runs {
namespace {

struct Held {
  NewRun run;
  std::string state;
  int attempt = 0;
  Json result;
  bool cancel_requested = false;
};

Held lock_run(postgres::Transaction& transaction, const Uuid& id) {
  const auto rows = transaction.query(
      std::string("SELECT ") + run_columns +
          ", state, attempt, result, cancel_requested, kind FROM ops.runs r WHERE id = $1::uuid FOR UPDATE",
      {postgres::value(id)});
  if (rows.empty()) throw Error(Fault::not_found, "run_not_found", "There is no run " + id.to_string() + ".");
  const auto& row = rows.front();
  if (row.text(11) == "call")
    throw Error(Fault::conflict, "run_is_call", "This is an agent's call: nothing can be done to it.");
  Held held;
  held.run = read_run(row);
  held.state = row.text(7);
  held.attempt = static_cast<int>(row.number(8));
  held.result = row.json(9);
  held.cancel_requested = row.flag(10);
  return held;
}

Held lock_waiting_for_approval(postgres::Transaction& transaction, const Uuid& id) {
  auto held = lock_run(transaction, id);
  if (held.state != "needs_approval") {
    throw Error(Fault::conflict, "not_waiting_for_approval",
                "The run is " + held.state + ", not waiting for approval.");
  }
  return held;
}

void add_event(postgres::Transaction& transaction, const Uuid& run, const char* event, const Json& detail) {
  transaction.execute("INSERT INTO ops.run_events (run_id, event, detail) VALUES ($1::uuid, $2, $3::jsonb)",
                      {postgres::value(run), postgres::value(event), postgres::value(detail)});
}

kafka::Message queued_news(const Held& held, int attempt, WallTime now) {
  const auto& run = held.run;
  return run_news(run.id, run.organization_id, run.worker, run.operation, "queued", attempt, now, nullptr, {},
                  {});
}

/// Any state that is not over → cancelled. Whatever joined the run was asked for by others: it goes on.
Stored end(postgres::Transaction& transaction, const Held& held, const char* event, const Problem& why,
           const std::string& by, WallTime now) {
  const auto& run = held.run;
  transaction.execute(
      "UPDATE ops.runs SET state = 'cancelled', outcome = $2, error_code = $2, error_message = $3, "
      "finished_at = $4, resume_at = NULL, claim = NULL WHERE id = $1::uuid",
      {postgres::value(run.id), postgres::value(why.code), postgres::value(why.message),
       postgres::value(now)});
  add_event(transaction, run.id, event, {{"by", by}});
  std::vector<kafka::Message> messages{run_news(run.id, run.organization_id, run.worker, run.operation,
                                                "cancelled", held.attempt, now, nullptr, why.code,
                                                why.message)};
  auto others = conclude_followers(transaction, {run.id}, now);
  std::move(others.begin(), others.end(), std::back_inserter(messages));
  return store(transaction, std::move(messages));
}

}  // namespace

Stored approve(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now) {
  const auto held = lock_waiting_for_approval(transaction, run);
  const Json& result = held.result;
  const std::string digest = result.is_object() ? result.value("plan_digest", std::string{}) : std::string{};
  transaction.execute(
      "UPDATE ops.runs SET state = 'queued', approved_digest = $2, approved_by = $3, "
      "approval_expires_at = $4::timestamptz + interval '24 hours', queued_at = $4, claim = NULL, "
      "error_code = NULL, error_message = NULL WHERE id = $1::uuid",
      {postgres::value(run), postgres::value(digest), postgres::value(by), postgres::value(now)});
  add_event(transaction, run, "approved", {{"by", by}, {"plan_digest", digest}});
  return store(transaction, {command_message(held.run, now), queued_news(held, held.attempt, now)});
}

Stored reject(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now) {
  const auto held = lock_waiting_for_approval(transaction, run);
  return end(transaction, held, "rejected",
             Problem{"rejected", "The plan was rejected; nothing was changed."}, by, now);
}

Cancelled cancel(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now) {
  const auto held = lock_run(transaction, run);
  if (held.state == "succeeded" || held.state == "failed" || held.state == "cancelled") {
    throw Error(Fault::conflict, "run_finished",
                "The run is over (" + held.state + "); there is nothing left to cancel.");
  }
  if (held.state != "running")
    return {true,
            end(transaction, held, "cancelled", Problem{"cancelled", "The run was cancelled."}, by, now)};
  if (!held.cancel_requested) {
    transaction.execute("UPDATE ops.runs SET cancel_requested = true WHERE id = $1::uuid",
                        {postgres::value(run)});
    add_event(transaction, run, "cancel_requested", {{"by", by}});
  }
  return {false, {}};
}

Stored retry(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now) {
  const auto held = lock_run(transaction, run);
  if (held.state != "failed" && held.state != "cancelled") {
    throw Error(Fault::conflict, "run_not_failed",
                held.state == "succeeded" ? "The run succeeded; there is nothing to try again."
                                          : "The run is " + held.state + ", not over yet.");
  }
  // started_at too: what an earlier attempt left half done was planned for a world that has moved on, so the
  // handler must not take it for its own.
  transaction.execute(
      "UPDATE ops.runs SET state = 'queued', attempt = 0, retried_at = $2, queued_at = $2, bulk = false, "
      "started_at = NULL, finished_at = NULL, resume_at = NULL, duration_ms = NULL, claim = NULL, "
      "claimed_by = NULL, heartbeat_at = NULL, cancel_requested = false, joined_to = NULL, "
      "approved_digest = NULL, approved_by = NULL, approval_expires_at = NULL, progress = NULL, "
      "carried = NULL, result = NULL, outcome = NULL, error_code = NULL, error_message = NULL "
      "WHERE id = $1::uuid",
      {postgres::value(run), postgres::value(now)});
  add_event(transaction, run, "retried", {{"by", by}});
  return store(transaction, {command_message(held.run, now), queued_news(held, 0, now)});
}

}  // namespace rollcall::runs
