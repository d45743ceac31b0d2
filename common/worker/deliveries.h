#pragma once
#include "common/kafka/kafka.h"
#include "common/worker/commit_tracker.h"

#include <deque>
#include <memory>
#include <mutex>

namespace rollcall::worker {

/// Messages whose delivery finishes the message they answer: the news of a run, or a dead letter. What cannot
/// be delivered is sent again for as long as the process lives; after that, the uncommitted message leads
/// back to it. Safe from any thread.
class Deliveries {
 public:
  explicit Deliveries(kafka::Producer& producer) : producer_(producer) {}
  void send(Ticket ticket, kafka::Message message);
  /// Sends again what could not be delivered; called now and then from a thread that may block.
  void retry();

 private:
  struct Failed {  // shared with delivery callbacks, which may come after the object is gone
    std::mutex mutex;
    std::deque<std::pair<Ticket, kafka::Message>> messages;
  };
  kafka::Producer& producer_;
  std::shared_ptr<Failed> failed_ = std::make_shared<Failed>();
};

}  // namespace rollcall::worker
