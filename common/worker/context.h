#pragma once
#include "common/worker/claims.h"

namespace rollcall::worker {

/// What the loop gives a handler; see RunContext.
class LoopContext final : public RunContext {
 public:
  struct Parts {
    std::string worker;
    postgres::Database& database;
    kafka::Producer& producer;
    runs::OutboxPublisher& outbox;
    InFlight& in_flight;
    const Clock& clock;
  };
  LoopContext(Parts parts, const Claimed& claimed, std::stop_token stop)
      : parts_(std::move(parts)), claimed_(claimed), stop_(std::move(stop)) {}

  void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                  std::vector<kafka::Message> publish) override;
  void progress(long done, long total) override;
  [[nodiscard]] std::stop_token stop() const override { return stop_; }

 private:
  Parts parts_;
  const Claimed& claimed_;
  std::stop_token stop_;
  std::optional<SteadyTime> told_at_;
};

}  // namespace rollcall::worker
