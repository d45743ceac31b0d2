#pragma once
#include "tests/simulation/graph_link.h"
#include "workers/member_sync/core/apply.h"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace rollcall::simulation {

/// One run under way, as workers/member_sync/handler.cpp and applier.cpp do it, with the same pure parts: the
/// plan, the queue of batches, the judging of answers.
class SyncJob : public std::enable_shared_from_this<SyncJob> {
 public:
  /// What the loop offers a handler.
  struct Context {
    std::function<bool()> confirmed;          ///< InFlight::confirmed()
    std::function<void(SteadyTime)> confirm;  ///< InFlight::confirm()
    std::stop_token stop;
    std::function<void(tl::expected<worker::Outcome, Error>)> done;
  };
  SyncJob(Services& services, HostPtr host, GraphLink& link, std::shared_ptr<const worker::Claimed> claimed,
          Context context);
  void start();

 private:
  struct Turn {
    milliseconds wait{0};
    WallTime begun;
    std::optional<StoredPlan> stored;
    std::vector<Uuid> roster;
  };
  void read_group(Turn turn);
  void record_plan(Turn turn, member_sync::Ids group);
  void carry_out();
  void fill();
  void launch(const member_sync::Batch& batch);
  void confirm(std::function<void(bool ours)> done);
  void send(const member_sync::Batch& batch, std::uint64_t reservation, SteadyTime granted);
  void not_sent(const member_sync::Batch& batch, const Error& error);
  void take_in(const member_sync::Batch& batch, const GraphAnswer& answer);
  void accept(member_sync::Judgement judgement, std::optional<milliseconds> retry_after, int attempts);
  void checkpoint();
  void go_on();
  void finish();
  void fail(const Error& error);
  void end(tl::expected<worker::Outcome, Error> outcome);
  /// checkpoint() of the loop: holds the run, writes, stores what is to be published.
  void transact(std::function<std::vector<Message>(Tables&)> write, std::function<void()> done,
                std::function<void()> failed = {});
  void check_ours() const;
  [[nodiscard]] bool stopping() const { return pause_ || stopped_ || error_; }
  [[nodiscard]] const Uuid& run() const { return claimed_->run.id; }
  [[nodiscard]] const Uuid& organization() const { return claimed_->run.organization_id; }

  Services& services_;
  HostPtr host_;
  GraphLink& link_;
  std::shared_ptr<const worker::Claimed> claimed_;
  Context context_;
  member_sync::Plan plan_;
  std::optional<member_sync::ApplyQueue> queue_;
  std::vector<member_sync::Settled> pending_;
  int in_flight_ = 0;
  bool launching_ = false, storing_ = false, any_passing_ = false, stopped_ = false, ended_ = false,
       look_again_ = false;
  std::optional<milliseconds> pause_;
  std::optional<Error> error_;
};

}  // namespace rollcall::simulation
