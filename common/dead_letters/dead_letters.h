#pragma once
#include "common/core/json.h"
#include "common/kafka/dead_letter.h"
#include "common/kafka/reader.h"
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"
#include "common/runs/runs.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Dead letters as people find, show and send them back, through the command line and the front.
namespace rollcall::dead_letters {

struct Letter {
  kafka::Message message;  ///< as it lies on the dead-letter topic
  std::optional<kafka::Death> death;
  long replays = 0;  ///< of this very letter; others of the same message are counted in `death`
  std::string replayed_at;

  /// "topic:partition:offset" on the dead-letter topic.
  [[nodiscard]] std::string id() const;
  /// RFC 3339; of the letter itself where it does not say when the message died.
  [[nodiscard]] std::string time_of_death() const;
};

struct LetterId {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
/// Nothing where it is no such id, or not one on a dead-letter topic.
std::optional<LetterId> parse_letter_id(const std::string& text);

Letter letter_of(kafka::Message message);
/// Looks up what was sent back already.
void mark_replayed(postgres::Database& database, std::vector<Letter>& letters);

/// What a list shows of it; with `whole`, its headers and value too.
Json to_json(const Letter& letter, bool whole = false);

/// The dead-letter topic that is meant: itself, or by the topic it belongs to. Throws Error{not_found,
/// "topic_not_found"}.
std::string require_dead_topic(const std::vector<kafka::TopicDescription>& topics, const std::string& name);

struct Newest {
  std::vector<Letter> letters;  ///< newest first
  long total = 0;               ///< as many as there are in all
};
/// At most `limit` of these dead-letter topics, marked. Throws Error{transient, "kafka_unavailable"}.
Newest read_newest(postgres::Database& database, const kafka::Options& kafka,
                   const std::vector<std::string>& topics, long limit);
/// Throws Error{not_found, "dead_letter_not_found"}; else as read_newest().
Letter read_letter(const kafka::Options& kafka, const LetterId& id);

struct Refusal {
  std::string id, code, message;
};
/// What became of letters that were to be sent back, by id.
struct Replayed {
  std::vector<std::string> sent;
  std::vector<Refusal> refused;
  std::vector<runs::Stored> stored;  ///< the audit events
};
/// {"replayed": ids, "refused": […], "dry_run"}
Json to_json(const Replayed& answer, bool dry_run);

/// Sends letters back to where they came from and records it; one that was sent already only with `force`.
/// With `dry_run` nothing is sent. Throws Error{transient} where Kafka does not take them: then nothing is
/// recorded.
class Replayer {
 public:
  Replayer(postgres::Database& database, kafka::Options kafka, runs::Asker asker, bool force, bool dry_run);
  void replay(std::vector<Letter> letters, Replayed& answer);

 private:
  void record_and_send(const std::vector<Letter>& letters, Replayed& answer);
  postgres::Database& database_;
  kafka::Options kafka_;
  runs::Asker asker_;
  bool force_, dry_run_;
  std::unique_ptr<kafka::Producer> producer_;
};

}  // namespace rollcall::dead_letters
