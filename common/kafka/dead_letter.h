#pragma once
#include "common/core/clock.h"
#include "common/core/result.h"
#include "common/kafka/kafka.h"

#include <optional>
#include <string>

/// Messages that could not be served, kept on `<topic>.dead` with everything needed to send them back. What
/// the headers hold is told in schemas/README.md. All of it pure.
namespace rollcall::kafka {

inline std::string dead_topic(const std::string& topic) {
  return topic + ".dead";
}
bool is_dead_topic(const std::string& topic);

/// Where a message stood. Kafka counts offsets anew when a topic is made anew, so its time belongs to it.
struct Place {
  std::string topic;
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  std::int64_t timestamp_ms = 0;
  auto operator<=>(const Place&) const = default;
};

/// What a dead letter says of itself.
struct Death {
  Place origin;
  std::string group;    ///< the consumer group that could not serve it
  std::string code;     ///< reason code
  std::string message;  ///< for a person
  long attempts = 1;    ///< how often it was read before it died, replays included
  std::string died_at;  ///< RFC 3339
  long replays = 0;     ///< how often it had been sent back before
};

/// What a message that `group` cannot serve becomes: its value, key and headers as they are, and beside them
/// why and from where.
Message dead_letter(const Message& message, const Problem& problem, const std::string& group, WallTime now);

/// Nothing where the message is no dead letter: it lacks the headers, or they hold what cannot be.
std::optional<Death> death_of(const Message& letter);

/// The message as it was before it died, for its own topic, with headers that say where it stood and that
/// this is the `nth` time it is sent back.
Message replay_of(const Message& letter, const Death& death, long nth, WallTime now);

}  // namespace rollcall::kafka
