#pragma once
#include "common/kafka/dead_letter.h"
#include "common/kafka/reader.h"
#include "ops/cli/context.h"

#include <optional>
#include <string>
#include <vector>

/// Dead letters as the commands find, show and send them back.
namespace rollcall::cli {

struct Letter {
  kafka::Message message;  ///< as it lies on the dead-letter topic
  std::optional<kafka::Death> death;
  long replays = 0;  ///< of this very letter; others of the same message are counted in `death`
  std::string replayed_at;

  /// "topic:partition:offset" on the dead-letter topic.
  [[nodiscard]] std::string id() const;
};

struct LetterId {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
/// Throws Failure{usage}.
LetterId parse_letter_id(const std::string& text);

Letter letter_of(kafka::Message message);
/// Looks up what was sent back already.
void mark_replayed(postgres::Database& database, std::vector<Letter>& letters);

/// The dead-letter topic that is meant: itself, or by the topic it belongs to. Throws Failure{not_found}.
std::string require_dead_topic(const std::vector<kafka::TopicDescription>& topics, const std::string& name);

struct Refused {
  std::string id, code, message;
};
/// What became of letters that were to be sent back, by id.
struct Replayed {
  std::vector<std::string> sent;
  std::vector<Refused> refused;
};
/// Sends letters back to where they came from and records it; one that was sent already only with `force`.
/// With `dry_run` nothing is sent. Throws Error{transient} where Kafka does not take them: then nothing is
/// recorded.
class Replayer {
 public:
  Replayer(Context& context, bool force, bool dry_run);
  void replay(std::vector<Letter> letters, Replayed& answer);

 private:
  void record_and_send(const std::vector<Letter>& letters, Replayed& answer);
  Context& context_;
  bool force_, dry_run_;
  std::unique_ptr<kafka::Producer> producer_;
};

}  // namespace rollcall::cli
