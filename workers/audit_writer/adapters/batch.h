#pragma once
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/schema/validator.h"
#include "workers/audit_writer/core/event.h"
#include "workers/audit_writer/core/reach.h"

#include <cstdint>
#include <map>
#include <vector>

namespace rollcall::audit_writer {

/// What was read of one partition.
struct Slice {
  Span span;
  std::vector<Event> events;  ///< in the order of their offsets
};
using Slices = std::map<kafka::TopicPartition, Slice>;

/// What was read and is not yet committed: events to write, messages to park, and where to read on once both
/// are done.
struct Batch {
  Slices slices;
  std::vector<kafka::Message> parked;
  std::map<kafka::TopicPartition, std::int64_t> next;
  std::size_t messages = 0;
  SteadyTime since{};  ///< of the first message

  /// Judges a message that came to `group` and takes it in; one that is refused is parked as a dead letter.
  void add(const kafka::Message& message, const schema::Validator& schemas, const std::string& group,
           WallTime now);
  [[nodiscard]] bool empty() const { return messages == 0; }
};

}  // namespace rollcall::audit_writer
