#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/worker/handler.h"

namespace rollcall::member_sync {

/// What a run costs, over all its attempts: begins with what earlier ones spent, and leaves the sum to the
/// next with each checkpoint and when this attempt ends.
class Accounting final : public worker::RunContext {
 public:
  Accounting(worker::RunContext& inner, const worker::Run& run, const Clock& clock);
  ~Accounting() override { inner_.carry(spent()); }

  void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                  std::vector<kafka::Message> publish = {}) override {
    inner_.carry(spent());
    inner_.checkpoint(write, std::move(publish));
  }
  void confirm() override { inner_.confirm(); }
  void carry(Json object) override { inner_.carry(std::move(object)); }
  void progress(long done, long total) override { inner_.progress(done, total); }
  [[nodiscard]] std::stop_token stop() const override { return inner_.stop(); }

  graph::Usage usage;  ///< counts on from where the last attempt ended
  /// Time at work, without the waiting between attempts.
  [[nodiscard]] std::chrono::milliseconds duration() const;

 private:
  [[nodiscard]] Json spent() const;
  worker::RunContext& inner_;
  const Clock& clock_;
  SteadyTime started_;
  std::chrono::milliseconds before_{0};
};

}  // namespace rollcall::member_sync
