#include "common/worker/inbox.h"

#include <algorithm>

namespace rollcall::worker {

void Inbox::put(Command command) {
  const std::lock_guard lock(mutex_);
  (command.urgent ? urgent_ : bulk_).push_back(std::move(command));
  changed_.notify_one();
}

void Inbox::put_off(Command command, SteadyTime when) {
  const std::lock_guard lock(mutex_);
  later_.emplace(when, std::move(command));
  changed_.notify_one();
}

void Inbox::ask_again(const Claimed& claimed) {
  const auto& run = claimed.run;
  std::optional<Uuid> organization;
  if (!run.organization_id.is_nil()) organization = run.organization_id;
  put_off({run.id, organization, run.tenant_id, run.operation, run.caller_identity, claimed.traceparent,
           run.parameters, claimed.parameters_hash, claimed.urgent, claimed.ticket},
          std::chrono::steady_clock::now() + look_again);
}

void Inbox::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  changed_.notify_one();
}

std::vector<Command> Inbox::take(std::size_t max, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  std::vector<Command> block;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    while (!later_.empty() && later_.begin()->first <= now) {
      auto command = later_.extract(later_.begin());
      (command.mapped().urgent ? urgent_ : bulk_).push_back(std::move(command.mapped()));
    }
    if (ready() || stop.stop_requested()) break;
    if (later_.empty()) {
      changed_.wait(lock, stop, [&] { return ready() || !later_.empty(); });
    } else {
      changed_.wait_until(lock, stop, later_.begin()->first, [&] { return ready(); });
    }
  }
  if (stop.stop_requested()) return block;
  block.reserve(std::min(max, urgent_.size() + bulk_.size()));
  for (auto* queue : {&urgent_, &bulk_}) {
    while (!queue->empty() && block.size() < max) {
      block.push_back(std::move(queue->front()));
      queue->pop_front();
    }
  }
  return block;
}

}  // namespace rollcall::worker
