#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/worker/handler.h"
#include "workers/member_sync/core/apply.h"

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace rollcall::member_sync {

/// What every batch of one run shares.
struct ApplyTask {
  const worker::Run& run;
  worker::RunContext& context;
  postgres::Database& database;
  std::string tenant_id;
  Uuid group;
  const Plan& plan;
};

struct ApplyEnd {
  enum class Why { complete, paused, stopped, group_lost } why = Why::complete;
  std::chrono::milliseconds pause{0};  ///< paused: how long Graph wants to be left alone
  Problem problem;                     ///< group_lost; paused: whose doing, where it is not Graph's
  std::vector<Settled> settled;        ///< by this attempt, failures included
};

/// Carries out a plan: up to 4 batches in flight, a checkpoint with its audit events after each. On every way
/// out, exceptions included, nothing is in flight any more, and what was answered is on record.
class Applier {
 public:
  Applier(graph::Client& client, const Clock& clock, const graph::CallContext& call, ApplyTask task);
  ~Applier();
  ApplyEnd run(const std::vector<Settled>& finished, bool resumed);

 private:
  struct Finished {
    Batch batch;
    std::vector<graph::Response> responses;
  };
  struct Inbox;  // where the client's thread puts answers

  void fill(ApplyQueue& queue);
  bool launch(Batch& batch, ApplyQueue& queue);
  void send_alone(const Batch& batch);
  void wait(const ApplyQueue& queue);
  void take_in(ApplyQueue& queue);
  void judge_batch(const Finished& finished, ApplyQueue& queue);
  void accept(Judgement judgement, const graph::Response& response, int attempts, ApplyQueue& queue);
  bool look_at_group();
  void checkpoint();
  void record_after_cancel();
  std::vector<kafka::Message> audit_messages() const;
  void drain();
  [[nodiscard]] bool ending() const { return end_.why != ApplyEnd::Why::complete; }

  graph::Client& client_;
  const Clock& clock_;
  const graph::CallContext& call_;
  ApplyTask task_;
  graph::CallContext write_call_;  ///< as call_, for what cannot be taken back
  std::shared_ptr<Inbox> inbox_;
  int in_flight_ = 0;
  std::optional<bool> group_exists_;  ///< looked at most once
  int refused_alone_ = 0;             ///< single changes answered "not permitted"
  bool any_success_ = false;
  struct Pending {
    Settled settled;
    std::string request_id;
  };
  std::vector<Pending> pending_;  ///< judged, not yet checkpointed
  std::size_t done_ = 0;
  ApplyEnd end_;
};

}  // namespace rollcall::member_sync
