#include "workers/scheduler/adapters/requests.h"

#include "common/log/log.h"
#include "workers/scheduler/adapters/tick_store.h"
#include "workers/scheduler/core/decide.h"

#include <set>

namespace rollcall::scheduler {
namespace {

using postgres::value;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t requests_max = 100;
constexpr std::size_t backfill_block = 500;
/// New requests ring the bell; this is for one whose notification was lost.
constexpr microseconds look_interval{1'000'000};
/// Nothing tells when the previous tick's last run has ended.
constexpr microseconds waiting_interval{250'000};

const std::string select_requests = std::string("SELECT ") + schedule_columns + ", " + previous_open + R"(,
       r.id, r.kind, r.overlap, floor(extract(epoch FROM r.from_at) * 1000)::bigint,
       floor(extract(epoch FROM r.to_at) * 1000)::bigint, r.requested_by
  FROM ops.schedule_requests r JOIN ops.schedules s ON s.id = r.schedule_id
 WHERE r.look_at <= now()
 ORDER BY r.look_at, r.id
   FOR NO KEY UPDATE OF r, s SKIP LOCKED LIMIT )" +
                                    std::to_string(requests_max);

// Served by the index schedules_buffered.
const std::string select_buffered =
    std::string("SELECT ") + schedule_columns +
    R"(, floor(extract(epoch FROM s.buffered_due_at) * 1000)::bigint FROM ops.schedules s
 WHERE s.buffered_due_at IS NOT NULL AND NOT s.paused AND NOT )" +
    previous_open + " ORDER BY s.buffered_due_at FOR NO KEY UPDATE OF s SKIP LOCKED LIMIT 500";

struct Request {
  long id;
  std::string kind, by;
  Overlap overlap;
  WallTime from, to;
};

Request read_request(const postgres::Row& row) {
  constexpr std::size_t first = schedule_column_count + 1;
  return {
      row.number(first),           row.text(first + 1),
      row.text(first + 5),         schedules::parse_overlap(row.text(first + 2)).value_or(Overlap::allow_all),
      wall(row.number(first + 3)), wall(row.number(first + 4))};
}

/// The due times to fire now.
Result<std::vector<WallTime>> chosen(const Request& request, const Schedule& schedule) {
  if (request.kind == "trigger") return std::vector<WallTime>{request.from};
  // One after the other: the next is for when this one has finished.
  const std::size_t max = request.overlap == Overlap::allow_all ? backfill_block : 1;
  return due_times(schedule, request.from, request.to, max);
}

void finish(postgres::Transaction& transaction, const Request& request, const char* how,
            const std::string& schedule) {
  transaction.execute("DELETE FROM ops.schedule_requests WHERE id = $1::bigint", {value(request.id)});
  log::info("schedule_request_finished",
            {{"schedule", schedule}, {"kind", request.kind}, {"requested_by", request.by}, {"how", how}});
}

}  // namespace

struct Requests::Look {
  std::vector<Firing> firings;
  runs::Stored stored;
  bool waiting = false, more = false;
};

Requests::Requests(const Tools& tools) : tools_(tools) {}

void Requests::serve(postgres::Transaction& transaction, Look& look) const {
  std::set<std::string> served;
  for (const auto& row : transaction.query(select_requests)) {
    const Schedule schedule = read_schedule(row);
    // A second request of one schedule must see the first one's ticks.
    if (!served.insert(schedule.id).second) {
      look.more = true;
      continue;
    }
    const Request request = read_request(row);
    const Answer answer = answer_request(request.overlap, row.flag(schedule_column_count));
    if (answer == Answer::drop) {
      finish(transaction, request, "skipped", schedule.name);
      continue;
    }
    if (answer == Answer::wait) {
      look.waiting = true;
      transaction.execute(
          "UPDATE ops.schedule_requests SET look_at = now() + interval '200 milliseconds' WHERE id = "
          "$1::bigint",
          {value(request.id)});
      continue;
    }
    const auto wrong = check(schedule);
    const auto dues =
        wrong ? Result<std::vector<WallTime>>{unexpected<Problem>(*wrong)} : chosen(request, schedule);
    if (!dues || dues->empty()) {
      finish(transaction, request, dues ? "done" : dues.error().message.c_str(), schedule.name);
      continue;
    }
    for (const WallTime due : *dues)
      look.firings.push_back({schedule, due, request.kind});
    const WallTime rest = dues->back() + milliseconds{1};
    if (rest > request.to || request.overlap == Overlap::skip) {
      finish(transaction, request, "done", schedule.name);
      continue;
    }
    look.more = true;
    transaction.execute("UPDATE ops.schedule_requests SET from_at = $2 WHERE id = $1::bigint",
                        {value(request.id), value(rest)});
  }
}

void Requests::release_buffered(postgres::Transaction& transaction, Look& look) const {
  std::vector<std::string> ids;
  for (const auto& row : transaction.query(select_buffered)) {
    Schedule schedule = read_schedule(row);
    ids.push_back(schedule.id);
    look.firings.push_back({std::move(schedule), wall(row.number(schedule_column_count)), "buffer"});
  }
  look.waiting =
      !transaction.query("SELECT 1 FROM ops.schedules WHERE buffered_due_at IS NOT NULL LIMIT 1").empty();
  if (ids.empty()) return;
  transaction.execute(
      "UPDATE ops.schedules SET buffered_due_at = NULL, "
      "remaining = CASE WHEN remaining > 0 THEN remaining - 1 ELSE remaining END WHERE id = ANY($1::uuid[])",
      {postgres::array(ids)});
}

Requests::Look Requests::fire(void (Requests::*choose)(postgres::Transaction&, Look&) const) const {
  Look look = tools_.term.transact([&](postgres::Transaction& transaction) {
    Look found;
    (this->*choose)(transaction, found);
    found.stored = store_ticks(transaction, found.firings, tools_.options.topic_prefix,
                               tools_.options.resend_after, tools_.clock.wall());
    remember_ticks(transaction, found.firings);
    return found;
  });
  if (look.stored.ids.empty()) return look;
  tools_.metrics.counter("rollcall_scheduler_requested_ticks_total", "Ticks fired on request or buffered")
      .add(static_cast<double>(look.stored.messages.size()));
  tools_.publisher.publish(std::move(look.stored.ids), std::move(look.stored.messages));
  return look;
}

microseconds Requests::operator()() {
  // What is buffered has waited longer.
  const Look buffered = fire(&Requests::release_buffered);
  const Look requested = fire(&Requests::serve);
  if (buffered.more || requested.more) return microseconds{0};
  return buffered.waiting || requested.waiting ? waiting_interval : look_interval;
}

}  // namespace rollcall::scheduler
