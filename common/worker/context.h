#pragma once
#include "common/worker/in_flight.h"

#include <functional>

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
  void confirm() override;
  void carry(Json object) override { carried_ = std::move(object); }
  [[nodiscard]] std::stop_token stop() const override { return stop_; }

  /// What the next attempt shall find: what was given now, else what an earlier one left.
  [[nodiscard]] const Json& carried() const { return carried_.is_null() ? claimed_.run.carried : carried_; }

 private:
  Parts parts_;
  const Claimed& claimed_;
  std::stop_token stop_;
  Json carried_;
  std::optional<SteadyTime> told_at_;
};

}  // namespace rollcall::worker
