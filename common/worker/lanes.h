#pragma once
#include "common/core/clock.h"
#include "common/metrics/metrics.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <iterator>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace rollcall::worker {

/// Work by key: one piece of a key at a time and in the order it came, any key that is free to whoever asks;
/// urgent work before bulk. Pure; not safe from several threads by itself.
template <class Item>
class KeyedQueue {
 public:
  struct Taken {
    std::string key;
    Item item;
  };

  void push(const std::string& key, bool urgent, Item item) {
    auto& state = keys_[key];
    auto& queue = urgent ? state.urgent : state.bulk;
    queue.push_back(std::move(item));
    ++size_;
    if (!state.busy && queue.size() == 1) (urgent ? ready_urgent_ : ready_bulk_).push_back(key);
  }

  /// A piece of a free key, which is busy from now until done(key).
  std::optional<Taken> take() {
    for (auto* ready : {&ready_urgent_, &ready_bulk_}) {
      while (!ready->empty()) {
        std::string key = std::move(ready->front());
        ready->pop_front();
        if (auto item = take_of(key, ready == &ready_urgent_)) return Taken{std::move(key), std::move(*item)};
      }
    }
    return std::nullopt;
  }

  void done(const std::string& key) {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return;
    auto& state = found->second;
    state.busy = false;
    if (!state.urgent.empty()) {
      ready_urgent_.push_back(key);
    } else if (!state.bulk.empty()) {
      ready_bulk_.push_back(key);
    } else {
      keys_.erase(found);
    }
  }

  /// Everything not taken, in no order; the queue is empty afterwards.
  std::vector<Item> drain() {
    std::vector<Item> items;
    for (auto& [key, state] : keys_) {
      for (auto* queue : {&state.urgent, &state.bulk}) {
        std::move(queue->begin(), queue->end(), std::back_inserter(items));
        queue->clear();
      }
    }
    std::erase_if(keys_, [](const auto& entry) { return !entry.second.busy; });
    ready_urgent_.clear();
    ready_bulk_.clear();
    size_ = 0;
    return items;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Key {
    std::list<Item> urgent, bulk;  // mostly one piece: an empty deque would be far larger than that
    bool busy = false;
  };

  // Ready lists may name a key that has become busy or whose work is gone: then there is nothing to take.
  std::optional<Item> take_of(const std::string& key, bool urgent) {
    const auto found = keys_.find(key);
    if (found == keys_.end() || found->second.busy) return std::nullopt;
    auto& state = found->second;
    if (!urgent && !state.urgent.empty()) return std::nullopt;  // it also stands in the urgent list
    auto& queue = urgent ? state.urgent : state.bulk;
    if (queue.empty()) return std::nullopt;
    state.busy = true;
    --size_;
    Item item = std::move(queue.front());
    queue.pop_front();
    return item;
  }

  std::unordered_map<std::string, Key> keys_;
  std::deque<std::string> ready_urgent_, ready_bulk_;
  std::size_t size_ = 0;
};

/// A fixed number of threads over a KeyedQueue. How much may wait here is bounded by who submits: a feed
/// pauses its consumer while too many of its messages are open.
class Lanes {
 public:
  /// `run(dropped)` does the piece; dropped: the lanes stop, give it back undone.
  using Task = std::function<void(bool dropped)>;

  Lanes(int threads, metrics::Gauge& busy);
  ~Lanes();
  struct Piece {
    std::string key;
    bool urgent;
    Task task;
  };
  void submit(std::vector<Piece> pieces);
  /// Gives back what has not begun, then waits for what has; false where something still runs at `deadline`.
  bool stop(SteadyTime deadline);
  [[nodiscard]] int busy();

 private:
  void work(std::stop_token stop);
  std::mutex mutex_;
  std::condition_variable_any changed_;
  KeyedQueue<Task> queue_;
  metrics::Gauge& busy_gauge_;
  int busy_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace rollcall::worker
