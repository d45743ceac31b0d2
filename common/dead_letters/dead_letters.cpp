#include "common/dead_letters/dead_letters.h"

#include "common/core/error.h"
#include "common/postgres/columns.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

namespace rollcall::dead_letters {
namespace {

constexpr std::chrono::milliseconds delivery_patience{30'000};

/// The places of letters that can be sent back, as columns for unnest().
struct Columns {
  std::vector<std::string> topics;
  std::vector<long> partitions, offsets, times;

  explicit Columns(const std::vector<Letter>& letters) {
    for (const auto& letter : letters) {
      if (!letter.death) continue;
      const auto& place = letter.death->origin;
      topics.push_back(place.topic);
      partitions.push_back(place.partition);
      offsets.push_back(place.offset);
      times.push_back(place.timestamp_ms);
    }
  }
  [[nodiscard]] std::vector<postgres::Value> values() const {
    return {postgres::array(topics), postgres::array(partitions), postgres::array(offsets),
            postgres::array(times)};
  }
};

kafka::Place place_of(const postgres::Row& row) {
  return {row.text(0), static_cast<std::int32_t>(row.number(1)), row.number(2), row.number(3)};
}

/// Sends all and waits until the broker has every one.
void deliver(kafka::Producer& producer, std::vector<kafka::Message> messages) {
  // Shared: a delivery may be reported after we gave up waiting.
  const auto delivered = std::make_shared<std::atomic<std::size_t>>(0);
  const std::size_t count = messages.size();
  for (auto& message : messages)
    producer.publish(std::move(message), [delivered](const std::string& error) {
      if (error.empty()) ++*delivered;
    });
  producer.flush(delivery_patience);
  if (*delivered == count) return;
  throw Error(Fault::transient, "kafka_unavailable",
              "Kafka took " + std::to_string(*delivered) + " of " + std::to_string(count) +
                  " messages; none of them is recorded as sent back");
}

}  // namespace

void mark_replayed(postgres::Database& database, std::vector<Letter>& letters) {
  std::map<kafka::Place, std::pair<long, std::string>> known;
  for (const auto& row : database.query(
           "SELECT r.topic, r.partition, r.\"offset\", r.timestamp_ms, r.replays, " +
               postgres::time_of("r.replayed_at") +
               " FROM ops.replays r JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::integer[], "
               "$3::bigint[], $4::bigint[]) AS u(t, p, o, at)) u ON (r.topic, r.partition, r.\"offset\", "
               "r.timestamp_ms) = (u.t, u.p, u.o, u.at)",
           Columns(letters).values()))
    known[place_of(row)] = {row.number(4), row.text(5)};
  for (auto& letter : letters) {
    if (!letter.death) continue;
    if (const auto found = known.find(letter.death->origin); found != known.end())
      std::tie(letter.replays, letter.replayed_at) = found->second;
  }
}

Replayer::Replayer(postgres::Database& database, kafka::Options kafka, runs::Asker asker, bool force,
                   bool dry_run)
    : database_(database),
      kafka_(std::move(kafka)),
      asker_(std::move(asker)),
      force_(force),
      dry_run_(dry_run) {}

void Replayer::replay(std::vector<Letter> letters, Replayed& answer) {
  mark_replayed(database_, letters);
  std::vector<Letter> wanted;
  std::set<kafka::Place> places;
  for (auto& letter : letters) {
    if (!letter.death) {
      answer.refused.push_back(
          {letter.id(), "dead_letter_unreadable", "its headers do not say where on its topic it stood"});
    } else if (letter.replays > 0 && !force_) {
      answer.refused.push_back(
          {letter.id(), "already_replayed", "it was sent back already, at " + letter.replayed_at});
    } else if (!places.insert(letter.death->origin).second) {
      answer.refused.push_back(
          {letter.id(), "already_replayed", "another letter of the same message is sent back now"});
    } else {
      wanted.push_back(std::move(letter));
    }
  }
  if (dry_run_) {
    for (const auto& letter : wanted)
      answer.sent.push_back(letter.id());
  } else if (!wanted.empty()) {
    record_and_send(wanted, answer);
  }
}

/// The rows are written first and committed last: two who send the same letter at once wait for each other
/// here, and what Kafka does not take is not recorded.
void Replayer::record_and_send(const std::vector<Letter>& letters, Replayed& answer) {
  if (!producer_) producer_ = std::make_unique<kafka::Producer>(kafka_);
  Replayed now;
  database_.transact([&](postgres::Transaction& transaction) {
    now = {};
    auto values = Columns(letters).values();
    values.push_back(postgres::value(asker_.actor));
    values.push_back(postgres::value(force_));
    std::map<kafka::Place, long> replays;
    for (const auto& row : transaction.query(
             "INSERT INTO ops.replays AS r (topic, partition, \"offset\", timestamp_ms, replayed_by) "
             "SELECT t, p, o, at, $5 FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS "
             "u(t, p, o, at) ORDER BY t, p, o, at ON CONFLICT (topic, partition, \"offset\", timestamp_ms) "
             "DO "
             "UPDATE SET replays = r.replays + 1, replayed_by = excluded.replayed_by, replayed_at = now() "
             "WHERE $6::boolean RETURNING topic, partition, \"offset\", timestamp_ms, replays",
             values))
      replays[place_of(row)] = row.number(4);
    std::vector<kafka::Message> messages;
    for (const auto& letter : letters) {
      const auto found = replays.find(letter.death->origin);
      if (found == replays.end()) {
        now.refused.push_back({letter.id(), "already_replayed", "someone else sent it back just now"});
        continue;
      }
      messages.push_back(
          kafka::replay_of(letter.message, *letter.death, letter.death->replays + found->second, asker_.now));
      now.sent.push_back(letter.id());
    }
    if (!now.sent.empty())
      now.stored.push_back(runs::store_audit(transaction,
                                             {.tenant_id = asker_.tenant_id,
                                              .actor = asker_.actor,
                                              .action = "dead_letters_replayed",
                                              .detail = {{"letters", now.sent}, {"force", force_}},
                                              .subject = letters.front().message.topic},
                                             asker_.now));
    deliver(*producer_, std::move(messages));
  });
  answer.sent.insert(answer.sent.end(), now.sent.begin(), now.sent.end());
  answer.refused.insert(answer.refused.end(), now.refused.begin(), now.refused.end());
  for (auto& one : now.stored)
    answer.stored.push_back(std::move(one));
}

}  // namespace rollcall::dead_letters
