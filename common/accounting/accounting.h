#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/worker/handler.h"

#include <chrono>
#include <functional>
#include <vector>

/// What a run spends at Microsoft Graph. Beside common/worker and common/graph, which know nothing of each
/// other.
namespace rollcall::accounting {

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
  /// Goes along with what was spent, beside it; an object. What an earlier attempt carried stays until then.
  void carry(Json object) override { beside_ = std::move(object); }
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
  Json beside_ = Json::object();
};

/// {"http", "reads", "writes", "throttled"}.
Json requests_of(const graph::Usage& usage);

/// How the run's calls are made: what a schedule asked for stands behind what somebody waits for. Lives as
/// long as `context`.
graph::CallContext call_for(const worker::Run& run, Accounting& context, std::chrono::milliseconds patience);

}  // namespace rollcall::accounting
