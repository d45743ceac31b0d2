#include "workers/member_sync/adapters/applier.h"

#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/runs/runs.h"
#include "workers/member_sync/adapters/audit_event.h"
#include "workers/member_sync/adapters/graph_group.h"
#include "workers/member_sync/adapters/progress_store.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace rollcall::member_sync {
namespace {

constexpr int batches_in_flight_max = 4;
/// So many single refusals without one success: it is the app or the group, not the members.
constexpr int refused_alone_max = 5;
constexpr Backoff step_backoff{std::chrono::milliseconds{300}, std::chrono::milliseconds{10'000}};

graph::Request to_request(const Step& step, const ApplyTask& task, const std::string& root) {
  const auto reference = [&](std::uint32_t change) {
    return root + "/directoryObjects/" + task.plan.member(change).to_string();
  };
  const std::string group_path = "/groups/" + task.group.to_string();
  graph::Request request;
  switch (step.kind) {
    case StepKind::add_many: {
      Json binds = Json::array();
      for (const std::uint32_t change : step.changes)
        binds.push_back(reference(change));
      request.method = "PATCH";
      request.url = group_path;
      request.body = Json{{"members@odata.bind", std::move(binds)}};
      break;
    }
    case StepKind::add_one:
      request.method = "POST";
      request.url = group_path + "/members/$ref";
      request.body = Json{{"@odata.id", reference(step.changes.front())}};
      break;
    case StepKind::remove_one:
      request.method = "DELETE";
      request.url = graph::member_removal_path(task.group, task.plan.member(step.changes.front()));
      break;
  }
  return request;
}

Answer to_answer(const graph::Response& response) {
  return {response.status, response.error_code, response.error_message, response.retry_after};
}

}  // namespace

struct Applier::Inbox {
  std::mutex mutex;
  std::condition_variable_any arrived;
  std::vector<Finished> finished;

  void put(Finished one) {
    const std::lock_guard lock{mutex};
    finished.push_back(std::move(one));
    arrived.notify_all();
  }
};

Applier::Applier(graph::Client& client, const Clock& clock, const graph::CallContext& call, ApplyTask task)
    : client_(client),
      clock_(clock),
      call_(call),
      task_(std::move(task)),
      write_call_(call),
      inbox_(std::make_shared<Inbox>()) {
  write_call_.before_sending = [this] { task_.context.confirm(); };
}

Applier::~Applier() {
  drain();
}

ApplyEnd Applier::run(const std::vector<Settled>& finished, bool resumed) {
  std::vector<std::uint32_t> done;
  for (const Settled& one : finished)
    done.push_back(one.change);
  done_ = done.size();
  ApplyQueue queue{task_.plan, done, resumed};
  try {
    while (in_flight_ > 0 || (!ending() && !queue.empty())) {
      if (task_.context.stop().stop_requested() && !ending()) end_.why = ApplyEnd::Why::stopped;
      if (!ending()) fill(queue);
      wait(queue);
      take_in(queue);
      checkpoint();
    }
  } catch (const Error& error) {
    drain();
    take_in(queue);
    // A cancelled run keeps its record of what was done; after a lost claim the run's new holder finds it
    // out.
    if (error.code() == "cancelled") record_after_cancel();
    throw;
  }
  return std::move(end_);
}

void Applier::fill(ApplyQueue& queue) {
  while (in_flight_ < batches_in_flight_max && !ending()) {
    Batch batch = queue.next_batch(clock_.steady());
    if (batch.steps.empty() || !launch(batch, queue)) return;
  }
}

bool Applier::launch(Batch& batch, ApplyQueue& queue) {
  try {
    if (batch.steps.size() == 1 && in_flight_ == 0 && queue.empty()) {
      send_alone(batch);
      return true;
    }
    std::vector<graph::Request> requests;
    for (const Step& step : batch.steps)
      requests.push_back(to_request(step, task_, client_.version_root()));
    client_.start_batch(requests, write_call_,
                        [inbox = inbox_, batch](std::vector<graph::Response> responses) {
                          inbox->put({batch, std::move(responses)});
                        });
    ++in_flight_;
    return true;
  } catch (const Error& error) {
    queue.put_back(std::move(batch));
    if (task_.context.stop().stop_requested()) {
      end_.why = ApplyEnd::Why::stopped;
    } else if (error.fault() == Fault::throttled) {
      end_.why = ApplyEnd::Why::paused;
      end_.pause = std::max(end_.pause, error.retry_after().value_or(std::chrono::seconds{10}));
      if (error.code() != "throttled") end_.problem = {error.code(), error.what()};
    } else {
      throw;
    }
    return false;
  }
}

/// One part needs no envelope.
void Applier::send_alone(const Batch& batch) {
  std::vector<graph::Response> responses(1);
  try {
    responses[0] = client_.send(to_request(batch.steps.front(), task_, client_.version_root()), write_call_);
  } catch (const Error& error) {
    if (error.fault() != Fault::transient) throw;  // else: no answer, outcome unknown
    responses[0].error_message = error.what();
  }
  ++in_flight_;
  inbox_->put({batch, std::move(responses)});
}

/// Until an answer is there, a step becomes due or, with nothing under way, the process stops.
void Applier::wait(const ApplyQueue& queue) {
  std::unique_lock lock{inbox_->mutex};
  const auto there = [&] { return !inbox_->finished.empty(); };
  const auto due = ending() || in_flight_ >= batches_in_flight_max ? std::nullopt : queue.next_due();
  if (due) {
    // The clock is a seam; the wait is real time, so the loop simply comes round again.
    const auto time =
        std::max(*due - clock_.steady(), std::chrono::steady_clock::duration{std::chrono::milliseconds{1}});
    inbox_->arrived.wait_for(lock, task_.context.stop(), time, there);
  } else if (in_flight_ > 0) {
    inbox_->arrived.wait(lock, there);
  }
}

void Applier::take_in(ApplyQueue& queue) {
  std::vector<Finished> finished;
  {
    const std::lock_guard lock{inbox_->mutex};
    finished.swap(inbox_->finished);
  }
  in_flight_ -= static_cast<int>(finished.size());
  for (const Finished& one : finished)
    judge_batch(one, queue);
}

void Applier::judge_batch(const Finished& finished, ApplyQueue& queue) {
  bool overloaded = false;
  static const graph::Response silence;
  for (std::size_t i = 0; i < finished.batch.steps.size(); ++i) {
    const Step& step = finished.batch.steps[i];
    const graph::Response& response = i < finished.responses.size() ? finished.responses[i] : silence;
    Judgement judgement = judge(step, to_answer(response), task_.plan, task_.group);
    if (judgement.group_in_doubt) {
      if (look_at_group()) {
        judgement = judge(step, to_answer(response), task_.plan, task_.group, true);
      } else {
        judgement.stop =
            Problem{"group_not_found", "the group vanished while its members were being changed"};
      }
    }
    overloaded = overloaded || judgement.overloaded;
    accept(std::move(judgement), response, step.attempts + 1, queue);
  }
  queue.finished(finished.batch, overloaded);
}

void Applier::accept(Judgement judgement, const graph::Response& response, int attempts, ApplyQueue& queue) {
  if (judgement.stop && !ending()) {
    end_.why = ApplyEnd::Why::group_lost;
    end_.problem = *judgement.stop;
  }
  for (Settled& settled : judgement.settled) {
    any_success_ = any_success_ || !settled.failed();
    if (settled.code == "graph_not_permitted" && ++refused_alone_ >= refused_alone_max && !any_success_ &&
        !ending()) {
      end_.why = ApplyEnd::Why::group_lost;
      end_.problem = {settled.code, settled.message};
    }
    pending_.push_back({std::move(settled), response.request_id});
  }
  if (!judgement.later) return queue.push(std::move(judgement.again));
  auto delay = step_backoff.delay(attempts, crypto::random_unit());
  if (response.retry_after) delay = std::max(delay, *response.retry_after);
  if (judgement.throttled && delay > call_.patience && !ending()) {
    end_.why = ApplyEnd::Why::paused;
    end_.pause = delay;
  } else if (end_.why == ApplyEnd::Why::paused) {
    end_.pause = std::max(end_.pause, judgement.throttled ? delay : end_.pause);
  }
  queue.push_later(std::move(judgement.again), clock_.steady() + delay);
}

bool Applier::look_at_group() {
  if (!group_exists_) group_exists_ = group_exists(client_, task_.group, call_);
  return *group_exists_;
}

void Applier::checkpoint() {
  if (pending_.empty()) return;
  std::vector<Settled> lasting;  // a passing failure is no verdict: the next attempt tries again
  for (const Pending& one : pending_)
    if (!one.settled.passing()) lasting.push_back(one.settled);
  task_.context.checkpoint(
      [&](postgres::Transaction& transaction) {
        save_checkpoint(transaction, task_.run.id, task_.run.organization_id, task_.plan, lasting);
      },
      audit_messages());
  for (Pending& one : pending_)
    end_.settled.push_back(std::move(one.settled));
  pending_.clear();
  done_ += lasting.size();
  task_.context.progress(static_cast<long>(done_), static_cast<long>(task_.plan.size()));
}

/// The run is no longer ours to write, but what was done to the group stays on record. The sweep publishes
/// the events.
void Applier::record_after_cancel() {
  try {
    task_.database.transact([&](postgres::Transaction& transaction) {
      std::vector<Settled> settled;
      for (const Pending& one : pending_)
        if (!one.settled.passing()) settled.push_back(one.settled);
      save_checkpoint(transaction, task_.run.id, task_.run.organization_id, task_.plan, settled);
      runs::store_in_outbox(transaction, audit_messages());
    });
  } catch (const Error& error) {
    log::error("cancelled_changes_unrecorded", log::describe(error));
  }
}

std::vector<kafka::Message> Applier::audit_messages() const {
  std::vector<kafka::Message> messages;
  const AuditedRun run{task_.run.id, task_.run.organization_id, task_.group, task_.tenant_id,
                       task_.run.caller_identity};
  const WallTime now = clock_.wall();
  for (const Pending& one : pending_) {
    if (!one.settled.ours()) continue;
    const std::uint32_t change = one.settled.change;
    messages.push_back(
        audit_event(run, task_.plan.member(change), task_.plan.is_add(change), one.request_id, now));
  }
  return messages;
}

void Applier::drain() {
  std::unique_lock lock{inbox_->mutex};
  inbox_->arrived.wait(lock, [&] { return inbox_->finished.size() >= static_cast<std::size_t>(in_flight_); });
}

}  // namespace rollcall::member_sync
