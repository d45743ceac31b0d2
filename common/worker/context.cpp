#include "common/worker/context.h"

#include "common/core/error.h"
#include "common/runs/blocks.h"

#include <algorithm>
#include <functional>

namespace rollcall::worker {
namespace {

constexpr std::chrono::milliseconds progress_every{250};

// Locks the run's row, so that neither a new claim nor a cancel can slip in before the commit. It is a sign
// of life too: what is confirmed by it must not have become anybody's before that confirmation is over.
void hold(postgres::Transaction& transaction, const Claimed& claimed, const Json& carried) {
  const auto rows = transaction.query(
      "SELECT claim, cancel_requested, state, coalesce(coalesce(heartbeat_at, started_at) < now() - "
      "$2 * interval '1 millisecond', true) FROM ops.runs WHERE id = $1::uuid FOR UPDATE",
      {postgres::value(claimed.run.id), postgres::value(runs::heartbeat_every.count())});
  if (rows.empty() || rows.front().uuid(0) != claimed.claim || rows.front().text(2) != "running") {
    throw Error(Fault::conflict, "claim_lost",
                "Another worker holds run " + claimed.run.id.to_string() + " now.");
  }
  if (rows.front().flag(1)) throw Error(Fault::conflict, "cancelled", "The run was cancelled.");
  if (carried.is_null() && !rows.front().flag(3)) return;
  transaction.execute(
      "UPDATE ops.runs SET heartbeat_at = now(), carried = coalesce($2::jsonb, carried) WHERE id = $1::uuid",
      {postgres::value(claimed.run.id), carried.is_null() ? std::nullopt : postgres::value(carried)});
}

}  // namespace

void LoopContext::checkpoint(const std::function<void(postgres::Transaction&)>& write,
                             std::vector<kafka::Message> publish) {
  const auto asked_at = parts_.clock.steady();
  auto ids = parts_.database.transact([&](postgres::Transaction& transaction) {
    hold(transaction, claimed_, carried_);
    if (write) write(transaction);
    return runs::store_in_outbox(transaction, publish);
  });
  parts_.in_flight.confirm(claimed_.run.id, asked_at);
  parts_.outbox.publish(std::move(ids), std::move(publish));
}

void LoopContext::confirm() {
  // An answer that came late, as to a process stopped meanwhile, says nothing of now.
  while (!parts_.in_flight.confirmed(claimed_.run.id))
    checkpoint({}, {});
}

void LoopContext::progress(long done, long total) {
  const auto now = parts_.clock.steady();
  if (told_at_ && now - *told_at_ < progress_every) return;
  told_at_ = now;
  const auto& run = claimed_.run;
  runs::News news;
  news.progress = {{"done", std::max(0L, done)}, {"total", std::max(0L, total)}};
  parts_.in_flight.progress(run.id, news.progress);  // the loop's own thread stores it
  news.run = run.id;
  if (!run.organization_id.is_nil()) news.organization = run.organization_id;
  news.worker = parts_.worker;
  news.operation = run.operation;
  news.state = "running";
  news.attempt = run.attempt;
  news.traceparent = claimed_.traceparent;
  // Not through the outbox: progress that gets lost is replaced by the next.
  parts_.producer.publish(runs::news_message(news, parts_.clock.wall()), [](const std::string&) {});
}

}  // namespace rollcall::worker
