#include "common/core/error.h"
#include "common/core/json_writer.h"
#include "common/log/log.h"
#include "common/runs/runs.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace rollcall::runs {
namespace {

// Deletes that a long outage of PostgreSQL may pile up; beyond it rows are left to the sweep, which sends
// them again.
constexpr std::size_t deletes_max = 200'000;

// More would be a row too large to be quick; each is one unit of sending again.
constexpr std::size_t row_max = 500;

void append(std::string& row, const kafka::Message& message) {
  Json headers = Json::object();
  for (const auto& [name, value] : message.headers)
    headers[name] = value;
  JsonWriter writer(message.value.size() + 640);
  writer.text("topic", message.topic);
  writer.text("key", message.key);
  writer.json("headers", headers);
  writer.text("payload", message.value);
  row.append(row.empty() ? "[" : ",").append(writer.take());
}

/// Audit events must come to stand in audit.events: kept by id until they do, so that 'rollcall audit verify'
/// can name what Kafka lost.
void expect_audit(postgres::Transaction& transaction, const std::vector<kafka::Message>& messages) {
  std::vector<postgres::Value> events, runs;
  for (const auto& message : messages) {
    if (message.header("ce_type") != "rollcall.audit-event.v1") continue;
    events.push_back(message.header("ce_id"));
    const auto value = parse_json(message.value);
    const std::string run = value ? text_member(*value, "run_id") : std::string();
    runs.push_back(run.empty() ? postgres::Value() : postgres::value(run));
  }
  if (events.empty()) return;
  transaction.execute("INSERT INTO audit.expected (event_ids, run_ids) VALUES ($1::uuid[], $2::uuid[])",
                      {postgres::array(events), postgres::array(runs)});
}

}  // namespace

std::vector<long> store_in_outbox(postgres::Transaction& transaction,
                                  const std::vector<kafka::Message>& messages) {
  if (messages.empty()) return {};
  expect_audit(transaction, messages);
  std::vector<postgres::Value> rows;
  for (std::size_t from = 0; from < messages.size(); from += row_max) {
    std::string row;
    for (std::size_t i = from; i < std::min(messages.size(), from + row_max); ++i)
      append(row, messages[i]);
    rows.emplace_back(row += ']');
  }
  // Identity values are drawn in the order of the rows, so sorted ids stand in the order of `messages`.
  std::vector<long> ids;
  for (const auto& row : transaction.query(
           "INSERT INTO ops.outbox (messages) SELECT u.messages FROM unnest($1::jsonb[]) WITH ORDINALITY "
           "AS u(messages, n) ORDER BY u.n RETURNING id",
           {postgres::array(rows)}))
    ids.push_back(row.number(0));
  std::ranges::sort(ids);
  return ids;
}

namespace {

// Shared with delivery callbacks, which may come after the publisher is gone.
struct Pending {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::vector<long> delivered;  // to delete
  std::size_t in_flight = 0;    // rows handed to the producer
  bool deleting = false;

  void settled(long id, bool complete) {
    const std::lock_guard lock(mutex);
    --in_flight;
    if (complete && delivered.size() < deletes_max) delivered.push_back(id);
    if (delivered.size() == 1 || in_flight == 0) changed.notify_all();
  }
};

// One row, until all of its messages are answered for.
struct Row {
  Row(std::shared_ptr<Pending> given, long row_id, std::size_t messages)
      : pending(std::move(given)), id(row_id), left(messages) {}
  void answered(const std::string& error) {
    if (!error.empty()) complete = false;
    if (left.fetch_sub(1) == 1) pending->settled(id, complete);
  }
  std::shared_ptr<Pending> pending;
  long id;
  std::atomic<std::size_t> left;
  std::atomic<bool> complete = true;
};

}  // namespace

struct OutboxPublisher::State {
  State(postgres::Database& db, kafka::Producer& kafka_producer)
      : database(db),
        producer(kafka_producer),
        deleter([this](std::stop_token stop) { delete_delivered(stop); }) {}

  void delete_delivered(std::stop_token stop) {
    std::unique_lock lock(pending->mutex);
    while (pending->changed.wait(lock, stop, [&] { return !pending->delivered.empty(); })) {
      auto ids = std::exchange(pending->delivered, {});
      pending->deleting = true;
      lock.unlock();
      const bool gone = try_delete(ids);
      lock.lock();
      pending->deleting = false;
      pending->changed.notify_all();
      if (gone) continue;
      pending->delivered.insert(pending->delivered.end(), ids.begin(), ids.end());
      pending->changed.wait_for(lock, stop, std::chrono::seconds{1}, [] { return false; });
      if (stop.stop_requested()) return;
    }
  }

  bool try_delete(const std::vector<long>& ids) {
    try {
      database.transact([&](postgres::Transaction& transaction) {
        // Not worth waiting for the disk: a row that comes back is sent again, which every reader bears.
        transaction.execute("SET LOCAL synchronous_commit = off");
        transaction.execute("DELETE FROM ops.outbox WHERE id = ANY($1::bigint[])", {postgres::array(ids)});
      });
      return true;
    } catch (const Error& error) {
      log::warn("outbox_delete_failed", log::describe(error));
      return error.fault() != Fault::transient;  // what the database refuses is left to the sweep
    }
  }

  postgres::Database& database;
  kafka::Producer& producer;
  std::shared_ptr<Pending> pending = std::make_shared<Pending>();
  std::jthread deleter;  // last: it uses everything above
};

OutboxPublisher::OutboxPublisher(postgres::Database& database, kafka::Producer& producer)
    : state_(std::make_unique<State>(database, producer)) {}

OutboxPublisher::~OutboxPublisher() {
  flush(std::chrono::seconds{2});
}

void OutboxPublisher::publish(const std::vector<long>& ids, const std::vector<kafka::Message>& messages) {
  if (ids.empty()) return;
  {
    const std::lock_guard lock(state_->pending->mutex);
    state_->pending->in_flight += ids.size();
  }
  std::shared_ptr<Row> row;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i % row_max == 0)
      row =
          std::make_shared<Row>(state_->pending, ids.at(i / row_max), std::min(row_max, messages.size() - i));
    state_->producer.publish(messages[i], [row](const std::string& error) { row->answered(error); });
  }
}

void OutboxPublisher::flush(std::chrono::milliseconds timeout) {
  auto& pending = *state_->pending;
  std::unique_lock lock(pending.mutex);
  pending.changed.wait_for(lock, timeout, [&] {
    return pending.in_flight == 0 && pending.delivered.empty() && !pending.deleting;
  });
}

std::vector<kafka::Message> read_outbox(const Json& messages) {
  std::vector<kafka::Message> read;
  for (const auto& json : messages) {
    kafka::Message message;
    message.topic = json.at("topic").get<std::string>();
    message.key = json.at("key").get<std::string>();
    message.value = json.at("payload").get<std::string>();
    for (const auto& [name, value] : json.at("headers").items())
      message.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : dump(value));
    read.push_back(std::move(message));
  }
  return read;
}

}  // namespace rollcall::runs
