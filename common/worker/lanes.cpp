#include "common/worker/lanes.h"

#include <algorithm>

namespace rollcall::worker {

Lanes::Lanes(int threads, metrics::Gauge& busy) : busy_gauge_(busy) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
}

Lanes::~Lanes() {
  for (auto& thread : threads_)
    thread.request_stop();
}

void Lanes::submit(std::vector<Piece> pieces) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      // Woken once for the block: each wake-up of a lane costs more than a short run.
      const auto idle = threads_.size() - static_cast<std::size_t>(busy_);
      for (auto& piece : pieces)
        queue_.push(piece.key, piece.urgent, std::move(piece.task));
      for (std::size_t i = 0; i < std::min(idle, pieces.size()); ++i)
        changed_.notify_one();
      return;
    }
  }
  for (const auto& piece : pieces)
    piece.task(true);
}

void Lanes::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    std::optional<KeyedQueue<Task>::Taken> taken;
    if (!changed_.wait(lock, stop, [&] { return (taken = queue_.take()).has_value(); })) return;
    busy_gauge_.set(++busy_);
    lock.unlock();
    taken->item(false);
    taken->item = nullptr;  // frees what it captured before the key is free again
    lock.lock();
    busy_gauge_.set(--busy_);
    queue_.done(taken->key);
    // This lane looks for itself; another key can only have become ready through done(), which it takes.
    if (stopping_) changed_.notify_all();
  }
}

bool Lanes::stop(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  auto dropped = queue_.drain();
  lock.unlock();
  for (auto& task : dropped)
    task(true);
  lock.lock();
  return changed_.wait_until(lock, deadline, [&] { return busy_ == 0; });
}

int Lanes::busy() {
  const std::lock_guard lock(mutex_);
  return busy_;
}

}  // namespace rollcall::worker
