#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace rollcall::front {

/// How many streams each caller has open. Safe from any thread.
class StreamSlots {
 public:
  /// Held as long as the stream lasts.
  using Slot = std::shared_ptr<const void>;

  explicit StreamSlots(std::size_t per_caller_max) : state_(std::make_shared<State>(per_caller_max)) {}

  /// Null where the caller has as many as it may.
  [[nodiscard]] Slot take(const std::string& caller) {
    const std::lock_guard lock(state_->mutex);
    auto& open = state_->open[caller];
    if (open >= state_->per_caller_max) return nullptr;
    ++open;
    return {state_.get(), [state = state_, caller](const void*) { state->give_back(caller); }};
  }

 private:
  struct State {
    explicit State(std::size_t most) : per_caller_max(most) {}
    void give_back(const std::string& caller) {
      const std::lock_guard lock(mutex);
      const auto found = open.find(caller);
      if (--found->second == 0) open.erase(found);
    }
    const std::size_t per_caller_max;
    std::mutex mutex;
    std::unordered_map<std::string, std::size_t> open;
  };
  std::shared_ptr<State> state_;
};

}  // namespace rollcall::front
