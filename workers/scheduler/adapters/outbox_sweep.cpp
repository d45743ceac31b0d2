#include "workers/scheduler/adapters/outbox_sweep.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

namespace rollcall::scheduler {
namespace {

using postgres::value;

constexpr std::chrono::seconds answer_patience{10};

// created_at is no later than the commit: it only spares a look at what is too young anyway. SKIP LOCKED
// passes over what its writer deletes at this moment.
constexpr const char* select_rows = R"(
    SELECT id, messages FROM ops.outbox
     WHERE created_at <= now() - $1::bigint * interval '1 millisecond'
       AND pg_visible_in_snapshot(xid, $2::pg_snapshot)
     ORDER BY id LIMIT $3::bigint FOR UPDATE SKIP LOCKED)";

}  // namespace

struct OutboxSweep::Flight {
  std::mutex mutex;
  std::condition_variable_any changed;
  struct Row {
    std::size_t open;
    bool failed = false;
  };
  std::map<long, Row> unanswered;
  std::vector<long> delivered;

  void answered(long id, const std::string& error) {
    const std::lock_guard lock(mutex);
    const auto row = unanswered.find(id);
    row->second.failed |= !error.empty();
    if (--row->second.open > 0) return;
    if (!row->second.failed) delivered.push_back(id);
    unanswered.erase(row);
    changed.notify_all();
  }
};

OutboxSweep::OutboxSweep(const Tools& tools) : tools_(tools), flight_(std::make_shared<Flight>()) {}

bool OutboxSweep::age_snapshots() {
  const auto now = tools_.clock.steady();
  if (young_ && now - young_->taken < tools_.options.sweep_after) return !old_.empty();
  if (young_) old_ = young_->text;
  young_ = tools_.term.transact([&](postgres::Transaction& transaction) {
    return Snapshot{transaction.query("SELECT pg_current_snapshot()::text")[0].text(0), now};
  });
  return !old_.empty();
}

void OutboxSweep::publish(const postgres::Rows& rows) {
  for (const auto& row : rows) {
    const long id = row.number(0);
    auto messages = runs::read_outbox(row.json(1));
    {
      const std::lock_guard lock(flight_->mutex);
      // Kafka has not answered for it since the last sweep: it will, and a second copy would not be sooner.
      if (!flight_->unanswered.emplace(id, Flight::Row{messages.size()}).second) continue;
    }
    for (auto& message : messages) {
      tools_.producer.publish(std::move(message), [flight = flight_, id](const std::string& error) {
        flight->answered(id, error);
      });
    }
  }
}

long OutboxSweep::delete_delivered() {
  std::vector<long> ids;
  {
    const std::lock_guard lock(flight_->mutex);
    ids = flight_->delivered;
  }
  if (ids.empty()) return 0;
  const long gone = tools_.term.transact([&](postgres::Transaction& transaction) {
    return transaction.execute("DELETE FROM ops.outbox WHERE id = ANY($1::bigint[])", {postgres::array(ids)});
  });
  const std::lock_guard lock(flight_->mutex);
  flight_->delivered.erase(flight_->delivered.begin(),
                           flight_->delivered.begin() + static_cast<std::ptrdiff_t>(ids.size()));
  return gone;
}

long OutboxSweep::operator()(const std::stop_token& stop) {
  const long late = delete_delivered();
  if (!age_snapshots()) return late;
  const auto rows = tools_.term.transact([&](postgres::Transaction& transaction) {
    return transaction.query(select_rows, {value(static_cast<long>(tools_.options.sweep_after.count())),
                                           value(old_), value(batch_max)});
  });
  publish(rows);
  {
    std::unique_lock lock(flight_->mutex);
    flight_->changed.wait_for(lock, stop, answer_patience, [&] { return flight_->unanswered.empty(); });
  }
  return late + delete_delivered();
}

}  // namespace rollcall::scheduler
