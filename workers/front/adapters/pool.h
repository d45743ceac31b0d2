#pragma once
#include <cstddef>
#include <functional>
#include <memory>

namespace rollcall::front {

/// Threads for work that blocks, so that the network thread never does. The queue is bounded: who comes when
/// it is full is sent away at once instead of waiting without hope.
class Pool {
 public:
  Pool(std::size_t threads, std::size_t queue_max);
  ~Pool();  ///< as finish()
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// False where the queue is full. `work` must not throw.
  bool submit(std::function<void()> work);
  /// Takes nothing more and returns when what was submitted is done: afterwards, what that works on may go.
  void finish();
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::size_t busy() const;  ///< threads at work

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::front
