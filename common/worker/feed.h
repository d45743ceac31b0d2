#pragma once
#include "common/metrics/metrics.h"
#include "common/schema/validator.h"
#include "common/worker/claims.h"
#include "common/worker/deliveries.h"
#include "common/worker/health.h"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>

namespace rollcall::worker {

struct Tick {
  Json value;
  Ticket ticket;
};
using Judged = std::variant<Command, Tick, Problem>;
/// What a message asks for, or why it cannot be served. Pure. The type is the ce_type header's; without one,
/// a value with "tick_id" on a ticks topic is a tick, anything else a command.
Judged judge(const kafka::Message& message, const std::string& worker, bool ticks,
             const schema::Validator& schemas);

/// A command's value as runs carry it; used for ticks' commands too. The value must match its schema.
Command command_of(Json value);

/// Sends dead letters; the offset of the original counts as finished only once its dead letter is delivered.
class Graveyard {
 public:
  Graveyard(Deliveries& deliveries, metrics::Counter& counter, const Clock& clock)
      : deliveries_(deliveries), counter_(counter), clock_(clock) {}
  void bury(const Ticket& ticket, const Problem& problem, const std::string& group);

 private:
  Deliveries& deliveries_;
  metrics::Counter& counter_;
  const Clock& clock_;
};

/// One topic's consumer: polls, hands over, commits. Pauses while `open_max` of its messages are
/// unfinished, and goes on polling meanwhile, so that the group keeps it.
class Feed {
 public:
  struct Wiring {
    std::size_t open_max = 1000;
    /// Takes a message over, whose ticket is finished later; or says why it cannot be served: then it is
    /// buried.
    std::function<std::optional<Problem>(const Ticket& ticket)> take;
    Health* health = nullptr;  ///< told while no more messages are taken
  };
  Feed(kafka::ConsumerOptions options, Wiring wiring, Deliveries& deliveries, Graveyard& graveyard,
       metrics::Counter& messages);
  /// Polls until `stop`. Throws Error{conflict} where the consumer is beyond repair: see kafka::Consumer.
  void run(std::stop_token stop);
  /// After run(): commits what is finished, waits for the answer, leaves the group.
  void close();
  [[nodiscard]] const std::string& group() const { return group_; }

 private:
  void poll_once();
  void take(kafka::Message message);
  void commit(bool synchronous);
  void hold_back();

  std::string group_, topic_;
  Wiring wiring_;
  Deliveries& deliveries_;
  Graveyard& graveyard_;
  metrics::Counter& messages_;
  std::shared_ptr<Offsets> offsets_ = std::make_shared<Offsets>();
  bool paused_ = false;
  SteadyTime committed_at_{};
  kafka::Consumer consumer_;
};

}  // namespace rollcall::worker
