#include "common/core/error.h"
#include "common/log/log.h"
#include "common/runs/runs.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace rollcall::runs {
namespace {

// Deletes that a long outage of PostgreSQL may pile up; beyond it rows are left to the sweep, which sends
// them again.
constexpr std::size_t deletes_max = 200'000;

Json headers_json(const kafka::Headers& headers) {
  Json json = Json::object();
  for (const auto& [name, value] : headers)
    json[name] = value;
  return json;
}

kafka::Headers headers_of(const Json& json) {
  kafka::Headers headers;
  for (const auto& [name, value] : json.items()) {
    headers.emplace_back(name, value.is_string() ? value.get<std::string>() : dump(value));
  }
  return headers;
}

}  // namespace

std::vector<long> store_in_outbox(postgres::Transaction& transaction,
                                  const std::vector<kafka::Message>& messages) {
  if (messages.empty()) return {};
  std::vector<std::string> topics, keys, payloads;
  std::vector<postgres::Value> headers;
  for (const auto& message : messages) {
    topics.push_back(message.topic);
    keys.push_back(message.key);
    payloads.push_back(message.value);
    headers.push_back(postgres::value(headers_json(message.headers)));
  }
  // Identity values are drawn in the order of the rows, so sorted ids stand in the order of `messages`.
  const auto rows = transaction.query(
      "INSERT INTO ops.outbox (topic, key, headers, payload) "
      "SELECT u.topic, u.key, u.headers, u.payload FROM unnest($1::text[], $2::text[], $3::jsonb[], "
      "$4::text[]) "
      "WITH ORDINALITY AS u(topic, key, headers, payload, n) ORDER BY u.n RETURNING id",
      {postgres::array(topics), postgres::array(keys), postgres::array(headers), postgres::array(payloads)});
  std::vector<long> ids;
  ids.reserve(rows.size());
  for (const auto& row : rows)
    ids.push_back(row.number(0));
  std::ranges::sort(ids);
  return ids;
}

// Shared with delivery callbacks, which may come after the publisher is gone.
struct Pending {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::vector<long> delivered;  // to delete
  std::size_t in_flight = 0;    // handed to the producer
  bool deleting = false;

  void settled(long id, const std::string& error) {
    const std::lock_guard lock(mutex);
    --in_flight;
    if (error.empty() && delivered.size() < deletes_max) delivered.push_back(id);
    changed.notify_all();
  }
};

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
      database.execute("DELETE FROM ops.outbox WHERE id = ANY($1::bigint[])", {postgres::array(ids)});
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

void OutboxPublisher::publish(std::vector<long> ids, std::vector<kafka::Message> messages) {
  {
    const std::lock_guard lock(state_->pending->mutex);
    state_->pending->in_flight += ids.size();
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    state_->producer.publish(
        std::move(messages[i]),
        [pending = state_->pending, id = ids[i]](const std::string& error) { pending->settled(id, error); });
  }
}

void OutboxPublisher::flush(std::chrono::milliseconds timeout) {
  auto& pending = *state_->pending;
  std::unique_lock lock(pending.mutex);
  pending.changed.wait_for(lock, timeout, [&] {
    return pending.in_flight == 0 && pending.delivered.empty() && !pending.deleting;
  });
}

namespace {

// What of a sweep was delivered; shared because a callback may come after the sweep gave up waiting.
struct Sweep {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<long> delivered;
  std::size_t answered = 0;
};

std::vector<long> deliver(kafka::Producer& producer, const postgres::Rows& rows) {
  const auto sweep = std::make_shared<Sweep>();
  for (const auto& row : rows) {
    kafka::Message message;
    message.topic = row.text(1);
    message.key = row.text(2);
    message.headers = headers_of(row.json(3));
    message.value = row.text(4);
    producer.publish(std::move(message), [sweep, id = row.number(0)](const std::string& error) {
      const std::lock_guard lock(sweep->mutex);
      ++sweep->answered;
      if (error.empty()) sweep->delivered.push_back(id);
      sweep->changed.notify_all();
    });
  }
  std::unique_lock lock(sweep->mutex);
  // Not longer: the rows are locked meanwhile. What arrives later is sent twice, which every reader bears.
  sweep->changed.wait_for(lock, std::chrono::seconds{10}, [&] { return sweep->answered == rows.size(); });
  return sweep->delivered;
}

}  // namespace

long sweep_outbox(postgres::Database& database, kafka::Producer& producer, std::chrono::milliseconds age,
                  int limit) {
  return database.transact([&](postgres::Transaction& transaction) -> long {
    const auto rows = transaction.query(
        "SELECT id, topic, key, headers, payload FROM ops.outbox "
        "WHERE created_at <= now() - $1::bigint * interval '1 millisecond' ORDER BY id LIMIT $2 FOR UPDATE "
        "SKIP LOCKED",
        {postgres::value(static_cast<long>(age.count())), postgres::value(limit)});
    if (rows.empty()) return 0;
    const auto delivered = deliver(producer, rows);
    if (delivered.empty()) return 0;
    return transaction.execute("DELETE FROM ops.outbox WHERE id = ANY($1::bigint[])",
                               {postgres::array(delivered)});
  });
}

}  // namespace rollcall::runs
