#pragma once
#include "common/core/clock.h"
#include "common/http_server/event_stream.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"
#include "workers/front/adapters/pulse.h"
#include "workers/front/core/positions.h"
#include "workers/front/core/viewer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::front {

struct NewsLimits {
  std::size_t memory_messages = 2'000;  ///< held for readers that come back soon
  std::size_t memory_bytes = std::size_t{4} << 20U;
  /// A reader that was away for longer than this begins anew.
  std::int64_t replay_messages = 100'000;
  /// While more than this waits to be written to a reader that catches up, it is sent no more.
  std::size_t replay_ahead_bytes = std::size_t{64} << 10U;
};

/// Readers of all news that they may hear. An event's id says where its reader stands in every partition of
/// the topic; one that comes back with it goes on there, on whichever front: from memory where it was away
/// for a moment, else from Kafka, at the pace at which it reads. Who may hear what is asked of PostgreSQL for
/// each block of news, so that a right that was taken away ends with the next one.
class NewsStreams {
 public:
  NewsStreams(kafka::Options kafka, std::string topic, postgres::Database& database, Pulse& pulse,
              NewsLimits limits = {});
  ~NewsStreams();

  /// `last_event_id`: as the reader gave it; empty: it has seen nothing yet. Any thread; never blocks.
  void follow(Viewer viewer, std::string last_event_id, http_server::EventStream stream);

  /// By one thread, which follows the topic: it stands there,
  void begin(Positions now);
  /// and has read these. Throws Error where PostgreSQL does not say who may hear them; to be called again
  /// with the same.
  void deliver(const std::vector<kafka::Message>& messages);

 private:
  struct State;
  std::shared_ptr<State> state_;
  Pulse& pulse_;
};

}  // namespace rollcall::front
