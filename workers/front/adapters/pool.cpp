#include "workers/front/adapters/pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace rollcall::front {

struct Pool::State {
  std::size_t queue_max;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> queue;
  std::size_t busy = 0;
  bool closed = false;
  std::vector<std::jthread> threads;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return closed || !queue.empty(); });
      if (queue.empty()) return;
      auto work = std::move(queue.front());
      queue.pop_front();
      ++busy;
      lock.unlock();
      work();
      work = nullptr;  // what it holds may be slow to let go
      lock.lock();
      --busy;
    }
  }
};

Pool::Pool(std::size_t threads, std::size_t queue_max) : state_(std::make_unique<State>()) {
  state_->queue_max = queue_max;
  for (std::size_t i = 0; i < threads; ++i)
    state_->threads.emplace_back([state = state_.get()] { state->run(); });
}

Pool::~Pool() {
  finish();
}

void Pool::finish() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->changed.notify_all();
  state_->threads.clear();  // joins
}

bool Pool::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed || state_->queue.size() >= state_->queue_max) return false;
    state_->queue.push_back(std::move(work));
  }
  state_->changed.notify_one();
  return true;
}

std::size_t Pool::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

std::size_t Pool::busy() const {
  const std::lock_guard lock(state_->mutex);
  return state_->busy;
}

}  // namespace rollcall::front
